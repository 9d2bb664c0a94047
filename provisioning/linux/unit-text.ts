/**
 * A service as a systemd unit. It runs as root without root's capabilities: so it reads the files
 * that root alone may read (configuration, passwords, users), which a user of its own could not,
 * and can do nothing else that its capabilities do not say.
 */
import type { ServiceResource } from '../resource.js'

/** Every unit of ours begins with this; one that does not is somebody else's. */
export const UNIT_MARK = '# Written by mptk; mptk revert takes it away again.'

/** What the service itself may write, below /var/lib. */
export function stateDirectory(name: string): string {
  return `mptk/${name}`
}

/** A word of a command, systemd.syntax(7): in double quotes, `%` and `$` doubled, C escapes. */
export function unitWord(word: string): string {
  const escaped = word
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replaceAll(/\p{Cc}/gu, (each) => `\\x${Buffer.from(each).toString('hex').slice(-2)}`)
    .replaceAll('%', '%%')
    .replaceAll('$', '$$$$')
  return /^[\w@%+=:,./-]+$/.test(escaped) ? escaped : `"${escaped}"`
}

/** The rest of a line: no other line, no specifier, and no backslash at its end, which would go on in the next line. */
export function unitValue(text: string): string {
  return text
    .replaceAll(/\p{Cc}+/gu, ' ')
    .replaceAll('%', '%%')
    .replace(/\\+$/, '')
}

export function unitText({ name, why, argv, restartOn, capabilities }: ServiceResource): string {
  const paths = [...argv, ...restartOn]
  const under = (...folders: string[]) =>
    paths.some((path) => folders.some((folder) => path.startsWith(`${folder}/`)))
  const network = capabilities.includes('CAP_NET_ADMIN')
  const lines = [
    UNIT_MARK,
    '[Unit]',
    `Description=${unitValue(`${name}: ${why}`)}`,
    'Wants=network-online.target',
    'After=network-online.target nss-lookup.target',
    '',
    '[Service]',
    'Type=exec',
    `ExecStart=${argv.map(unitWord).join(' ')}`,
    'Restart=on-failure',
    'RestartSec=1',
    'TimeoutStopSec=20',
    'LimitNOFILE=1048576',
    `StateDirectory=${stateDirectory(name)}`,
    `CapabilityBoundingSet=${capabilities.join(' ')}`,
    `AmbientCapabilities=${capabilities.join(' ')}`,
    'NoNewPrivileges=yes',
    'ProtectSystem=strict',
    // what it is told to read or run must stay in sight
    `ProtectHome=${under('/home', '/root', '/run/user') ? 'read-only' : 'yes'}`,
    `PrivateTmp=${under('/tmp', '/var/tmp') ? 'no' : 'yes'}`,
    // sysctls of the network and /dev/net/tun belong to who administers the network
    `ProtectKernelTunables=${network ? 'no' : 'yes'}`,
    ...(network
      ? [
          'ReadOnlyPaths=-/proc/sys/kernel -/proc/sys/vm -/proc/sys/fs -/proc/sysrq-trigger',
          'DevicePolicy=closed',
          'DeviceAllow=/dev/net/tun rw',
        ]
      : ['PrivateDevices=yes']),
    // root's own ways to systemd and the message bus
    'InaccessiblePaths=-/run/dbus -/run/systemd/private',
    `ProtectKernelModules=${capabilities.includes('CAP_SYS_MODULE') ? 'no' : 'yes'}`,
    'ProtectKernelLogs=yes',
    'ProtectControlGroups=yes',
    'ProtectClock=yes',
    'ProtectHostname=yes',
    'ProtectProc=invisible',
    'RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK',
    'RestrictNamespaces=yes',
    'RestrictRealtime=yes',
    'RestrictSUIDSGID=yes',
    'LockPersonality=yes',
    'SystemCallArchitectures=native',
    '',
    '[Install]',
    'WantedBy=multi-user.target',
  ]
  return `${lines.join('\n')}\n`
}
