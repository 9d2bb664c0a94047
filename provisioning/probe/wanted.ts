/** What of a host a configuration concerns: the sysctls, modules and programs to look for. Pure. */
import type { Config } from '../../src/config/schema.js'
import { KERNEL_SYSCTLS, kernelModules } from '../kernels/kernel.js'
import { sysctlPart } from '../setups/forwarding.js'
import { SETUP_SYSCTLS } from '../setups/sysctls.js'
import { SHARED_SUBNET_SYSCTLS } from '../uplinks/shared-subnet.js'

export function wantedSysctls({ host }: Config, interfaces: readonly string[]): string[] {
  return [
    ...KERNEL_SYSCTLS,
    ...SETUP_SYSCTLS,
    ...interfaces.flatMap((name) =>
      INTERFACE_SYSCTLS.map((pattern) => pattern.replace('*', sysctlPart(name))),
    ),
    ...Object.keys(host?.sysctls ?? {}),
  ]
}

const INTERFACE_SYSCTLS = [
  'net.ipv4.conf.*.forwarding',
  'net.ipv6.conf.*.forwarding',
  'net.ipv6.conf.*.force_forwarding',
  'net.ipv6.conf.*.accept_ra',
  'net.ipv4.conf.*.src_valid_mark',
  ...SHARED_SUBNET_SYSCTLS,
]

export function wantedModules({ host, ...config }: Config): string[] {
  return host === undefined ? [] : kernelModules({ ...config, host })
}

export const WANTED_PROGRAMS = ['nft', 'dnsmasq', 'iptables-legacy-save']
