/**
 * Which MPTCP this kernel has. Never by trying socket options 42 to 45: the two
 * implementations mean different things by them, and some of them succeed on the wrong one.
 */
import { errnoName } from '../errors.js'
import { native } from '../native.js'
import { resolveFamily } from './generic-netlink.js'
import type { Flavour, Kernel } from './kernel.js'
import { getInt, IPPROTO_MPTCP, SO_PROTOCOL, SOL_SOCKET } from './options.js'
import { OutOfTreeKernel } from './out-of-tree.js'
import { PATH_MANAGER_FAMILY } from './path-manager.js'
import { readProc, readSysctl } from './sysctl.js'
import { TcpOnlyKernel } from './tcp-only.js'
import { UpstreamKernel } from './upstream.js'

/** What detection asks of the system. */
export interface Probes {
  hasSysctl(name: string): boolean
  hasFile(path: string): boolean
  /** SO_PROTOCOL of a socket opened with IPPROTO_MPTCP, or the errno name. */
  mptcpSocket(): number | string
  hasFamily(name: string): boolean
}

/** The first sign decides. */
export function decideFlavour(probes: Probes): Flavour {
  if (probes.hasSysctl('net.mptcp.mptcp_enabled')) return 'out-of-tree'
  if (probes.hasSysctl('net.mptcp.enabled')) return 'upstream'
  // the out-of-tree kernel's sysctls are in the initial network namespace only, these files in each
  if (probes.hasFile('/proc/net/mptcp_net/snmp') || probes.hasFile('/proc/net/mptcp_net/mptcp')) {
    return 'out-of-tree'
  }
  const socket = probes.mptcpSocket()
  // ENOPROTOOPT: upstream MPTCP that is switched off, its sysctls out of sight
  if (socket === IPPROTO_MPTCP || socket === 'ENOPROTOOPT') return 'upstream'
  // v0.96 takes the number and opens TCP
  if (typeof socket === 'number') return 'out-of-tree'
  if (probes.hasFamily(PATH_MANAGER_FAMILY)) return 'upstream'
  return probes.hasFamily('mptcp') ? 'out-of-tree' : 'tcp-only'
}

const SYSTEM: Probes = {
  hasSysctl: (name) => readSysctl(name) !== undefined,
  hasFile: (path) => readProc(path) !== undefined,
  hasFamily: (name) => resolveFamily(name) !== undefined,
  mptcpSocket() {
    try {
      const fd = native.socket({ family: 4, protocol: 'mptcp' })
      try {
        return getInt(fd, SOL_SOCKET, SO_PROTOCOL)
      } finally {
        native.close(fd)
      }
    } catch (error) {
      return errnoName(error) ?? String(error)
    }
  },
}

/** Takes a few file reads; at most one socket and two netlink requests. */
export function detectKernel(): Kernel {
  switch (decideFlavour(SYSTEM)) {
    case 'upstream':
      return new UpstreamKernel()
    case 'out-of-tree':
      return new OutOfTreeKernel()
    case 'tcp-only':
      return new TcpOnlyKernel()
  }
}
