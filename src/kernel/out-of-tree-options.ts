/**
 * Socket options 42, 43 and 44 of the out-of-tree kernel, tried on sockets of their own.
 * Only for a kernel that was detected as such: upstream means other things by the numbers.
 */
import { errnoName, MptkError } from '../errors.js'
import { native } from '../native.js'
import type { SocketWish } from './kernel.js'
import { getInt, SOL_TCP, withProbe } from './options.js'
import { readSysctl } from './sysctl.js'
import { PER_SOCKET_KEYS, type PerSocketKey } from './unsupported.js'

export const MPTCP_ENABLED = 42

export const OPTION: Record<PerSocketKey, number> = { scheduler: 43, pathManager: 44 }
export const SYSCTL: Record<PerSocketKey, string> = {
  scheduler: 'net.mptcp.mptcp_scheduler',
  pathManager: 'net.mptcp.mptcp_path_manager',
}

/** The names v0.9x comes with; the kernel itself has no list, but a name can be tried. */
const KNOWN: Record<PerSocketKey, readonly string[]> = {
  scheduler: ['default', 'roundrobin', 'redundant', 'blest', 'ecf'],
  pathManager: ['default', 'fullmesh', 'ndiffports', 'netlink', 'binder'],
}

/** Undefined when a socket can be told to speak MPTCP; else the errno name. It is EPERM while the sysctl is 0. */
export function enablingFails(): string | undefined {
  return withProbe((fd) => {
    try {
      native.setOption(fd, SOL_TCP, MPTCP_ENABLED, 1)
      return undefined
    } catch (error) {
      return errnoName(error) ?? String(error)
    }
  })
}

/** True once MPTCP was negotiated; never before the connection is up. @throws {SystemError} */
export function negotiated(fd: number): boolean {
  return getInt(fd, SOL_TCP, MPTCP_ENABLED) === 1
}

/** Known names that this kernel has, or none while MPTCP is off. */
export function availableNames(key: PerSocketKey): string[] {
  if (enablingFails() !== undefined) return []
  return KNOWN[key].filter((name) => {
    const failure = tryName(key, name)
    // the name is looked up before the privilege
    return failure === undefined || errnoName(failure) === 'EPERM'
  })
}

function tryName(key: PerSocketKey, name: string): unknown {
  return withProbe((fd) => {
    try {
      native.setOption(fd, SOL_TCP, OPTION[key], Buffer.from(name))
      return undefined
    } catch (error) {
      return error
    }
  })
}

export interface UsableNames {
  /** Names to set, without those that are optional and cannot be set. */
  names: Partial<Record<PerSocketKey, string>>
  warnings: string[]
}

/** Tries the wish's names; to be called where MPTCP is on. @throws {MptkError} MPTK_KERNEL_UNSUPPORTED */
export function usableNames(wish: SocketWish): UsableNames {
  const usable: UsableNames = { names: {}, warnings: [] }
  for (const key of PER_SOCKET_KEYS) {
    const wanted = wish[key]
    if (wanted === undefined) continue
    const failure = tryName(key, wanted.name)
    if (failure === undefined) {
      usable.names[key] = wanted.name
      continue
    }
    const words = explain(key, wanted.name, failure)
    if (!wanted.optional) throw new MptkError('MPTK_KERNEL_UNSUPPORTED', words, { cause: failure })
    usable.warnings.push(words)
  }
  return usable
}

function explain(key: PerSocketKey, name: string, failure: unknown): string {
  const quoted = JSON.stringify(name)
  switch (errnoName(failure)) {
    case 'ENOENT':
      return `${key}: this kernel has no ${quoted}; it has ${availableNames(key).join(', ')} (${inForce(key)}), others may need modprobe mptcp_${name}`
    case 'EPERM':
      return `${key}: to choose ${quoted} for one socket needs CAP_NET_ADMIN; without it, every socket has the system's choice (${inForce(key)})`
    default:
      return `${key}: ${quoted} cannot be set: ${errnoName(failure) ?? String(failure)}`
  }
}

function inForce(key: PerSocketKey): string {
  // the sysctls exist in the initial network namespace only
  return `${SYSCTL[key]} is ${readSysctl(SYSCTL[key]) ?? 'not visible in this network namespace'}`
}
