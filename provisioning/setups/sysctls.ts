/** Sysctls that the set-ups name beside those of the kernel's MPTCP and of single interfaces. */
export const IPV6_FORWARDING = 'net.ipv6.conf.all.forwarding'
export const READ_BUFFERS = 'net.ipv4.tcp_rmem'
export const WRITE_BUFFERS = 'net.ipv4.tcp_wmem'

export const SETUP_SYSCTLS = [IPV6_FORWARDING, READ_BUFFERS, WRITE_BUFFERS]
