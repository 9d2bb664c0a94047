/**
 * A service as a systemd unit. What has listeners runs as a user of its own, whom systemd makes
 * for it, with the capabilities that its configuration needs; systemd reads the files of root
 * for it. What must be root is so without root's capabilities.
 */
import { credentialName } from '../../src/config/credential.js'
import type { ServiceResource } from '../resource.js'
import { hardening } from './unit-hardening.js'
import { unitPath, unitValue, unitWord } from './unit-words.js'

/** Every unit of ours begins with this; one that does not is somebody else's. */
export const UNIT_MARK = '# Written by mptk; mptk revert takes it away again.'

export function unitText(resource: ServiceResource): string {
  const { name, why, argv, restartOn, capabilities, ownUser = false, runtimeFolder, after = [] } = resource
  const lines = [
    UNIT_MARK,
    '[Unit]',
    `Description=${unitValue(`${name}: ${why}`)}`,
    ['Wants=network-online.target', ...after.map((each) => `${each}.service`)].join(' '),
    ['After=network-online.target nss-lookup.target', ...after.map((each) => `${each}.service`)].join(' '),
    '',
    '[Service]',
    'Type=exec',
    `ExecStart=${argv.map(unitWord).join(' ')}`,
    'Restart=on-failure',
    'RestartSec=1',
    'TimeoutStopSec=20',
    'LimitNOFILE=1048576',
    ...(runtimeFolder === undefined
      ? []
      : [`RuntimeDirectory=${runtimeFolder}`, 'RuntimeDirectoryMode=0755']),
    ...(ownUser ? userOfItsOwn(name, restartOn) : []),
    `CapabilityBoundingSet=${capabilities.join(' ')}`,
    `AmbientCapabilities=${capabilities.join(' ')}`,
    ...hardening({
      // what it is told to run, or to read itself, must stay in sight
      sees: ownUser ? argv : [...argv, ...restartOn],
      writesSysctls: resource.writesSysctls === true,
      changesUser: capabilities.includes('CAP_SETUID'),
    }),
    '',
    '[Install]',
    'WantedBy=multi-user.target',
  ]
  return `${lines.join('\n')}\n`
}

function userOfItsOwn(name: string, files: readonly string[]): string[] {
  return [
    'DynamicUser=yes',
    `User=${name}`,
    ...files.map((file) => `LoadCredential=${credentialName(file)}:${unitPath(file)}`),
  ]
}
