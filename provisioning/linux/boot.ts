/** A unit of systemd that runs a command at every boot: enabled, and not started by us. */
import type { BootResource, EarlyBoot, LateBoot } from '../resource.js'
import { command, forgiving } from './commands.js'
import type { Driver, Json } from './driver.js'
import { parseFile, readFile, restoreFile, writeFile, type FileState } from './file.js'
import { foreignUnit, isNoUnit, unitContent, unitPath } from './systemd.js'
import { applyHardening } from './unit-hardening.js'
import { UNIT_MARK } from './unit-text.js'
import { unitValue, unitWord } from './unit-words.js'

export interface BootState extends Record<string, Json> {
  unit: FileState
  enabled: boolean
}

export function bootUnit(resource: BootResource): string {
  return resource.early === true ? earlyUnit(resource) : lateUnit(resource)
}

/** Ordered as Debian's nftables.service. */
function earlyUnit({ argv, why }: EarlyBoot): string {
  return `${UNIT_MARK}
[Unit]
Description=mptk: ${unitValue(why)}
DefaultDependencies=no
Wants=network-pre.target
Before=network-pre.target shutdown.target
Conflicts=shutdown.target

[Service]
Type=oneshot
ExecStart=${argv.map(unitWord).join(' ')}

[Install]
WantedBy=sysinit.target
`
}

/**
 * Not before the services: apply starts those that do not run, and would wait for itself. Tried
 * again until it succeeds: an uplink may take its time to be there.
 */
function lateUnit({ argv, state }: LateBoot): string {
  return `${UNIT_MARK}
[Unit]
Description=mptk: what is gone of this host's settings after a boot
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
ExecStart=${argv.map(unitWord).join(' ')}
Restart=on-failure
RestartSec=5
${applyHardening(argv, state).join('\n')}

[Install]
WantedBy=multi-user.target
`
}

export const bootDriver: Driver<BootResource, BootState> = {
  kind: 'boot',
  async probe({ runner }, { name }) {
    const [file, { exitCode }] = await Promise.all([
      runner.run(readFile(unitPath(name))),
      runner.run(['systemctl', 'is-enabled', '--quiet', `${name}.service`], { reject: false }),
    ])
    const unit = parseFile(file.stdout)
    return isNoUnit(unit) ? null : { unit, enabled: exitCode === 0 }
  },
  satisfied: (state, resource) =>
    state !== null && state.enabled && unitContent(state.unit) === bootUnit(resource),
  conflict: (state, { name }) => foreignUnit(name, state?.unit ?? null),
  apply(state, resource) {
    if (this.satisfied(state, resource)) return []
    return [
      ...writeFile(unitPath(resource.name), '0644', bootUnit(resource), state?.unit.missing ?? []),
      command('systemctl', 'daemon-reload'),
      command('systemctl', 'enable', `${resource.name}.service`),
    ]
  },
  restore(state, { name }) {
    const unit = `${name}.service`
    // it may be waiting for its next attempt, but must not end who ends it
    return [
      forgiving('systemctl', 'disable', unit),
      ...restoreFile(unitPath(name), state?.unit ?? null, false),
      command('systemctl', 'daemon-reload'),
      forgiving('systemctl', 'reset-failed', unit),
      ...(state?.enabled === true ? [command('systemctl', 'enable', unit)] : []),
    ]
  },
  describe: (state, { argv }) => ({
    from: state?.enabled === true ? 'something else' : 'not done',
    to: argv.join(' '),
  }),
}
