/**
 * A program that runs for good, by systemd or as a background process. What it was started with
 * is recorded as a digest of the files it reads, so that it is restarted when one has changed.
 */
import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { shellLine } from '../../src/shell-quote.js'
import type { Command, ServiceResource } from '../resource.js'
import {
  backgroundLife,
  keepLog,
  keptLogs,
  parseWords,
  readProcess,
  startProcess,
  stopProcess,
  subjectOf,
} from './background.js'
import { script } from './commands.js'
import type { Driver, Json, Place } from './driver.js'
import { parseFile, readFile, type FileState } from './file.js'
import { readLeftBehind, removeLeftBehind } from './left-behind.js'
import { stands, waitUntilReady } from './ready.js'
import {
  foreignUnit,
  isNoUnit,
  restoreUnit,
  startUnit,
  systemdLife,
  unitContent,
  unitPath,
} from './systemd.js'
import { unitText } from './unit-text.js'

export interface ServiceState extends Record<string, Json> {
  active: boolean
  /** Of the process that runs; null under systemd. */
  argv: string[] | null
  /** The unit file; null where there is no systemd. */
  unit: FileState | null
  enabled: boolean
  /** Digests of the files it reads and of what it is: when it was started, and as it shall be now. */
  started: string | null
  current: string
  /** Sockets of others where it shall listen, when it does not run. */
  taken: string[]
  /** Of what it may leave behind, what is there. */
  left: string[]
}

/** Parameters: state/name, the files. Two lines: the record of the start, and the files' digest now. */
const DIGESTS = `
subject=$1
shift
cat "$subject.digest" 2>/dev/null || echo
sha256sum /dev/null "$@" 2>&1 | sha256sum | cut -d' ' -f1
`

/** Names the one that is missing; systemd would only say that one is. */
const READ_ALL = 'for file do cat "$file" >/dev/null || exit; done'

/** Parameters as of {@link DIGESTS}: prints the files that are gone or were written after the record. */
const NEWER = `
subject=$1
shift
for file; do
  if [ ! -e "$file" ] || [ "$file" -nt "$subject.digest" ]; then echo "$file"; fi
done
`

/** Taken before the start, so that a change in between is noticed; it counts when the service is ready. */
const RECORD_DIGEST = `
subject=$1 identity=$2
shift 2
mkdir -p "\${subject%/*}" && rm -f "$subject.digest" &&
  files=$(sha256sum /dev/null "$@" 2>&1 | sha256sum | cut -d' ' -f1) &&
  printf '%s %s\\n' "$files" "$identity" >"$subject.digest.new"
`

/** The first act of an apply is to take the record away. */
const UNLESS_RECORDED = `
subject=$1 digest=$2
shift 2
[ "$(cat "$subject.digest" 2>/dev/null)" = "$digest" ] || exec "$@"
`

const PUT_DIGEST_BACK = 'printf "%s\\n" "$2" >"$1.digest" && rm -f "$1.digest.new"'

function unlessRecorded(subject: string, digest: string, { argv, ...rest }: Command): Command {
  return { typed: shellLine(argv), ...rest, ...script(UNLESS_RECORDED, [subject, digest, ...argv]) }
}

const NO_UNIT: FileState = { file: null, obstacle: null, missing: [] }

function identityOf(resource: ServiceResource, place: Place): string {
  const text = isUnit(place, resource) ? unitText(resource) : resource.argv.join('\0')
  return createHash('sha256').update(text).digest('hex')
}

async function readDigests(place: Place, resource: ServiceResource) {
  const { runner, state } = place
  const { name, restartOn } = resource
  const { argv } = script(DIGESTS, [subjectOf(state, name), ...restartOn])
  const [started = '', current = ''] = (await runner.run(argv)).stdout.split('\n')
  return { started: started === '' ? null : started, current: `${current} ${identityOf(resource, place)}` }
}

async function readTaken({ runner }: Place, { listens }: ServiceResource): Promise<string[]> {
  if (listens.length === 0) return []
  const [tcp, udp] = await Promise.all([runner.run(['ss', '-Hltnp']), runner.run(['ss', '-Hlunp'])])
  const sockets = [
    ...tcp.stdout.split('\n').map((line) => ['tcp', ...line.trim().split(/\s+/)]),
    ...udp.stdout.split('\n').map((line) => ['udp', ...line.trim().split(/\s+/)]),
  ]
  return sockets
    .filter(([protocol = '', , , , local = '']) => listens.some((each) => stands(each, protocol, local)))
    .map(([protocol = '', , , , local = '', , users = '']) => {
      const owner = /"([^"]+)"/.exec(users)?.[1]
      return `${protocol} ${local}${owner === undefined ? '' : ` by ${owner}`}`
    })
}

async function readUnit({ runner }: Place, name: string) {
  const unit = `${name}.service`
  const [file, enabled, active] = await Promise.all([
    runner.run(readFile(unitPath(name))),
    runner.run(['systemctl', 'is-enabled', '--quiet', unit], { reject: false }),
    runner.run(['systemctl', 'is-active', '--quiet', unit], { reject: false }),
  ])
  return { unit: parseFile(file.stdout), enabled: enabled.exitCode === 0, active: active.exitCode === 0 }
}

async function readBackground({ runner, state }: Place, name: string) {
  const { stdout } = await runner.run(readProcess(subjectOf(state, name)), { reject: false })
  const argv = parseWords(stdout)
  return { argv, active: argv !== null }
}

function sameWords(a: readonly string[] | null, b: readonly string[]): boolean {
  return a !== null && a.length === b.length && a.every((word, index) => word === b[index])
}

/** Where a revert leaves the log of one that is no unit. */
export function keptLogOf(resource: ServiceResource, place: Place): string | undefined {
  return isUnit(place, resource) ? undefined : `${keptLogs(place.state)}/${resource.name}.log`
}

function isUnit({ systemd }: Place, { manager }: ServiceResource): boolean {
  return systemd && manager !== 'none'
}

export const serviceDriver: Driver<ServiceResource, ServiceState> = {
  kind: 'service',
  async probe(place, resource) {
    const found = isUnit(place, resource)
      ? { argv: null, ...(await readUnit(place, resource.name)) }
      : { unit: null, enabled: false, ...(await readBackground(place, resource.name)) }
    const digests = await readDigests(place, resource)
    const taken = found.active ? [] : await readTaken(place, resource)
    const left = await readLeftBehind(place, resource.leaves ?? [])
    const nothing = !found.active && taken.length === 0 && left.length === 0
    return nothing && isNoUnit(found.unit ?? NO_UNIT) ? null : { ...found, ...digests, taken, left }
  },
  satisfied(state, resource) {
    if (state === null || !state.active || state.started !== state.current) return false
    return state.unit === null
      ? sameWords(state.argv, resource.argv)
      : state.enabled && unitContent(state.unit) === unitText(resource)
  },
  conflict(state, { name }) {
    const taken = state?.taken ?? []
    const inTheWay = taken.length === 0 ? undefined : `somebody else listens already: ${taken.join(', ')}`
    return foreignUnit(name, state?.unit ?? null) ?? inTheWay
  },
  apply(state, resource, place) {
    if (this.satisfied(state, resource)) return []
    const { name, argv, restartOn, capabilities } = resource
    const subject = subjectOf(place.state, name)
    const unit = isUnit(place, resource)
    const life = unit ? systemdLife(name) : backgroundLife(subject)
    return [
      { ...script(READ_ALL, restartOn), typed: '', name: 'the files it reads' },
      { ...script(RECORD_DIGEST, [subject, identityOf(resource, place), ...restartOn]), typed: '' },
      ...(unit
        ? startUnit(name, unitText(resource), state?.unit ?? NO_UNIT)
        : [
            ...(state?.active === true ? [stopProcess(subject)] : []),
            startProcess(subject, argv, capabilities),
          ]),
      waitUntilReady(life, resource),
      { argv: ['mv', '-f', `${subject}.digest.new`, `${subject}.digest`], typed: '' },
    ]
  },
  after(state, { restartOn }, changed) {
    if (state === null || !restartOn.some((path) => changed.has(`file ${path}`))) return state
    return { ...state, current: 'about to change' }
  },
  async changedFiles({ runner, state: folder }, state, resource) {
    if (state === null || !state.active || state.started === state.current) return []
    const [files, identity] = state.started?.split(' ') ?? []
    const [filesNow, identityNow] = state.current.split(' ')
    if (identity !== identityNow || files === filesNow) return []
    const { argv } = script(NEWER, [subjectOf(folder, resource.name), ...resource.restartOn])
    const newer = (await runner.run(argv)).stdout.split('\n').filter((each) => each !== '')
    // an older file may have been put in its place
    return newer.length > 0 ? newer : [...resource.restartOn]
  },
  restore(state, resource, place) {
    const { name } = resource
    const unit = isUnit(place, resource)
    const subject = subjectOf(place.state, name)
    const records = [`${subject}.digest`, `${subject}.digest.new`]
    if (state === null || !state.active || state.started === null) {
      const before = unit
        ? restoreUnit(name, { file: state?.unit ?? NO_UNIT, enabled: state?.enabled ?? false, active: false })
        : [stopProcess(subject)]
      return [
        ...before,
        { argv: ['rm', '-f', '--', ...records] },
        ...(unit ? [] : [keepLog(place.state, name)]),
        ...removeLeftBehind(resource.leaves ?? [], state?.left ?? []),
      ]
    }
    const before = unit
      ? restoreUnit(name, { file: state.unit ?? NO_UNIT, enabled: state.enabled, active: true })
      : [stopProcess(subject), startProcess(subject, state.argv ?? [], resource.capabilities)]
    return [
      // one that was never touched goes on as it is
      ...before.map((each) => unlessRecorded(subject, state.started ?? '', each)),
      { ...script(PUT_DIGEST_BACK, [subject, state.started]), typed: '' },
    ]
  },
  // while it runs it goes on with what it was at
  restored: (state, previous) =>
    isDeepStrictEqual(state, previous) ||
    (previous?.active === true && isDeepStrictEqual({ ...state, left: previous.left }, previous)),
  describe: (state, { argv }) => ({
    from:
      state === null || !state.active
        ? 'not running'
        : state.started === state.current
          ? 'running'
          : 'running as it was before',
    to: `running: ${argv.join(' ')}`,
  }),
}
