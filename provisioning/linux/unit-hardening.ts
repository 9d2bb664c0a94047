/** What a unit of ours cannot do (systemd.exec(5)): whatever its work does not need. */

import { listWord } from './unit-words.js'

export interface Needs {
  /** Paths outside the system's folders that must stay in sight. */
  sees: readonly string[]
  /** Of the network; those of the kernel itself stay read-only. */
  writesSysctls: boolean
  /** Starts as root and goes on as somebody else. */
  changesUser: boolean
}

/** Sysctls of the network and parameters of modules are written, nothing else of the kernel. */
const NOT_THE_KERNEL = [
  'ReadOnlyPaths=-/proc/sys/kernel -/proc/sys/vm -/proc/sys/fs -/proc/sys/dev -/proc/sysrq-trigger -/sys',
  'ReadWritePaths=-/sys/module',
]

export function under(paths: readonly string[], ...folders: string[]): boolean {
  return paths.some((path) => folders.some((folder) => path.startsWith(`${folder}/`)))
}

/** What neither has to do with the network nor with services. */
const NEVER = [
  'NoNewPrivileges=yes',
  'UMask=0077',
  'ProtectSystem=strict',
  'PrivateDevices=yes',
  'ProtectKernelLogs=yes',
  'ProtectControlGroups=yes',
  'ProtectClock=yes',
  'ProtectHostname=yes',
  'RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK',
  'RestrictNamespaces=yes',
  'RestrictRealtime=yes',
  'RestrictSUIDSGID=yes',
  'LockPersonality=yes',
  'SystemCallArchitectures=native',
  'SystemCallErrorNumber=EPERM',
]

function inSight(paths: readonly string[]): string[] {
  return [
    `ProtectHome=${under(paths, '/home', '/root', '/run/user') ? 'read-only' : 'yes'}`,
    `PrivateTmp=${under(paths, '/tmp', '/var/tmp') ? 'no' : 'yes'}`,
  ]
}

/**
 * MemoryDenyWriteExecute= is not among them: V8 makes code writable and then executable, and does
 * not start without (tried with PR_SET_MDWE).
 */
export function hardening({ sees, writesSysctls, changesUser }: Needs): string[] {
  return [
    ...NEVER,
    ...inSight(sees),
    `ProtectKernelTunables=${writesSysctls ? 'no' : 'yes'}`,
    ...(writesSysctls ? NOT_THE_KERNEL : []),
    'ProtectKernelModules=yes',
    'ProtectProc=invisible',
    'RemoveIPC=yes',
    // root's own ways to systemd and the message bus
    'InaccessiblePaths=-/run/dbus -/run/systemd/private',
    // limits of descriptors are ours to raise, hence no ~@resources
    'SystemCallFilter=@system-service',
    ...(changesUser ? [] : ['SystemCallFilter=~@privileged']),
  ]
}

/** Of `mptk apply` as a unit, and of its revert: files in /etc, modules, services by way of systemd. */
const APPLY_CAPABILITIES = [
  'CAP_NET_ADMIN',
  'CAP_SYS_MODULE',
  // files of others are put back as they were, and processes of others looked at and ended
  ...['CAP_CHOWN', 'CAP_DAC_OVERRIDE', 'CAP_FOWNER', 'CAP_KILL', 'CAP_SYS_PTRACE'],
  // systemd takes orders from nobody else; mounts and namespaces are out of reach all the same
  'CAP_SYS_ADMIN',
]

/** @param sees paths of the command and the configuration @param state the folder of the journal, absolute */
export function applyHardening(sees: readonly string[], state: string): string[] {
  return [
    ...NEVER,
    ...inSight([...sees, `${state}/`]),
    ['ReadWritePaths=/etc -/var/lib', listWord(`-${state}`)].join(' '),
    'ProtectKernelTunables=no',
    ...NOT_THE_KERNEL,
    'ProtectKernelModules=no',
    `CapabilityBoundingSet=${APPLY_CAPABILITIES.join(' ')}`,
    'SystemCallFilter=@system-service @module',
  ]
}
