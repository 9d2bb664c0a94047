/** What `mptk run` does without a file: a SOCKS5 proxy for this machine alone. */
export const DEFAULT_CONFIG = {
  services: [
    { type: 'socks5', listen: '127.0.0.1:1080', transport: 'mptcp', egress: { transport: 'mptcp' } },
  ],
  status: { listen: '127.0.0.1:9400' },
} as const
