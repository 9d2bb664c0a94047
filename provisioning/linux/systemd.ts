/** A service under systemd: its unit file, whether it is enabled and whether it runs. */
import type { Command } from '../resource.js'
import { command, forgiving } from './commands.js'
import { restoreFile, writeFile, type FileState } from './file.js'
import type { Life } from './ready.js'
import { UNIT_MARK } from './unit-text.js'

/** Where an administrator's units are. */
export function unitPath(name: string): string {
  return `/etc/systemd/system/${name}.service`
}

export function systemdLife(name: string): Life {
  return {
    alive: 'systemctl is-active --quiet "$1"',
    // the journal reads the last words of a service that has ended in its own time
    told: 'journalctl --sync 2>/dev/null; journalctl --no-pager --quiet --output=cat --lines=5 --unit="$1"',
    subject: `${name}.service`,
  }
}

/** Also when it runs already: it may have been started with other files. */
export function startUnit(name: string, unit: string, was: FileState): Command[] {
  return [
    ...writeFile(unitPath(name), '0644', unit, was.missing),
    command('systemctl', 'daemon-reload'),
    command('systemctl', 'enable', `${name}.service`),
    command('systemctl', 'restart', `${name}.service`),
  ]
}

/** Of a unit file; null when there is none. */
export function unitContent(state: FileState | null): string | null {
  const found = state?.file ?? null
  return found === null ? null : Buffer.from(found.content, 'base64').toString()
}

/** Neither a file, nor something else in its place, nor a folder missing on the way, which a restore would take away. */
export function isNoUnit({ file, obstacle, missing }: FileState): boolean {
  return file === null && obstacle === null && missing.length === 0
}

/** Why a unit file that is there must not be replaced. */
export function foreignUnit(name: string, state: FileState | null): string | undefined {
  if (state !== null && state.obstacle !== null) return `${unitPath(name)} is ${state.obstacle}`
  const text = unitContent(state)
  return text === null || text.startsWith(`${UNIT_MARK}\n`)
    ? undefined
    : `there is a unit ${name}.service of somebody else`
}

export interface UnitBefore {
  file: FileState
  enabled: boolean
  active: boolean
}

export function restoreUnit(name: string, { file, enabled, active }: UnitBefore): Command[] {
  const unit = `${name}.service`
  if (file.file === null) {
    return [
      forgiving('systemctl', 'disable', '--now', unit),
      ...restoreFile(unitPath(name), file, false),
      command('systemctl', 'daemon-reload'),
      forgiving('systemctl', 'reset-failed', unit),
    ]
  }
  return [
    ...restoreFile(unitPath(name), file, false),
    command('systemctl', 'daemon-reload'),
    command('systemctl', enabled ? 'enable' : 'disable', unit),
    command('systemctl', active ? 'restart' : 'stop', unit),
  ]
}
