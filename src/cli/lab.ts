/** `mptk lab`: the testbed's experiments and topologies. */
import { access, constants, mkdir } from 'node:fs/promises'
import type { CommandModule } from 'yargs'
import { EXPERIMENTS } from '../../mininet/experiments/index.js'
import type { Experiment } from '../../mininet/experiments/experiment.js'
import { runSuite } from '../../mininet/experiments/suite.js'
import { listTopologies } from '../../mininet/lab.js'
import { terminalSummary, writeReport } from '../../mininet/report/report.js'
import { didYouMean } from '../closest.js'
import { describeError, MptkError } from '../errors.js'
import { detectKernel } from '../kernel/detect.js'
import { LabProgress } from './lab-progress.js'
import { runLabShell } from './lab-shell.js'
import { readNumber, usage } from './perf-options.js'
import { untilSignal } from './signals.js'
import { version } from './version.js'

const MOST_REPETITIONS = 1000
/** Of an option given twice the last one counts, also where lists are allowed. */
const text = {
  type: 'string',
  requiresArg: true,
  coerce: (value: string | string[]): string => (Array.isArray(value) ? (value.at(-1) ?? '') : value),
} as const

const listCommand: CommandModule = {
  command: 'list',
  describe: 'list experiments and topologies',
  async handler() {
    const topologies = await listTopologies()
    const rows = [
      ...[
        'experiments (mptk lab run NAME)',
        ...EXPERIMENTS.map(({ name, title, source }) => [name, `${title} (${source})`]),
      ],
      ...[
        'topologies (mptk lab shell NAME)',
        ...topologies.map(({ name, description }) => [name, description ?? '']),
      ],
    ]
    const width = Math.max(...rows.map((row) => (typeof row === 'string' ? 0 : (row[0]?.length ?? 0))))
    for (const row of rows) {
      console.log(typeof row === 'string' ? row : `  ${(row[0] ?? '').padEnd(width)}  ${row[1] ?? ''}`)
    }
  },
}

interface RunArguments {
  experiments: string[]
  out: string | undefined
  quick: boolean
  repetitions: string | undefined
}

const runCommand: CommandModule<object, RunArguments> = {
  command: 'run <experiments..>',
  describe: 'run experiments (or all of them) and write a report',
  builder: (yargs) =>
    yargs
      // otherwise the last of the names would be the only one
      .parserConfiguration({ 'duplicate-arguments-array': true })
      .positional('experiments', {
        type: 'string',
        array: true,
        demandOption: true,
        describe: `${EXPERIMENTS.map(({ name }) => name).join(', ')}; or all`,
      })
      .options({
        out: {
          ...text,
          describe: 'folder for results.json, samples.csv and report.html (./mptk-results-TIME unless given)',
        },
        quick: { type: 'boolean', default: false, describe: 'shortened: to see that everything works' },
        repetitions: {
          ...text,
          describe: "measurements of each variant, in place of the experiment's own number",
        },
      }),
  async handler({ experiments, out: given, quick, repetitions }) {
    const out = given ?? defaultFolder(new Date())
    const chosen = chooseExperiments(experiments)
    const count =
      repetitions === undefined
        ? undefined
        : readNumber('--repetitions', repetitions, 1, MOST_REPETITIONS, true)
    requireRoot('lab run')
    await prepareFolder(out)
    const { signal, exitCode } = untilSignal()
    const { result, incomplete } = await runSuite(chosen, {
      kernel: detectKernel(),
      command: `mptk ${process.argv.slice(2).join(' ')}`,
      version: version(),
      quick,
      repetitions: count,
      signal,
      observer: new LabProgress(process.stdout),
    })
    const files = await writeReport(result, out)
    process.stdout.write(`\n${terminalSummary(result)}\n${Object.values(files).join('\n')}\n`)
    if (incomplete.length > 0) console.error(`mptk: not complete: ${incomplete.join(', ')}`)
    process.exitCode = exitCode() ?? (incomplete.length > 0 ? 1 : 0)
  },
}

interface ShellArguments {
  topology: string
  host: string | undefined
}

const shellCommand: CommandModule<object, ShellArguments> = {
  command: 'shell <topology>',
  describe: 'keep a lab up, and open a shell in one of its hosts or say how to join them',
  builder: (yargs) =>
    yargs
      .positional('topology', { type: 'string', demandOption: true, describe: 'name, or path of a file' })
      .options({ host: { ...text, describe: 'open a shell in this host; the lab ends with it' } }),
  async handler({ topology, host }) {
    await requireTopology(topology)
    requireRoot('lab shell')
    await runLabShell(topology, host)
  },
}

export const labCommand: CommandModule = {
  command: 'lab',
  describe: 'networks to measure in: experiments, their reports, and labs to look around in (root)',
  builder: (yargs) =>
    yargs
      .command(runCommand)
      .command(listCommand)
      .command(shellCommand)
      .demandCommand(1, 'expected lab run, lab list or lab shell, found none of them'),
  handler() {
    // one of the commands above runs
  },
}

/** @throws {MptkError} MPTK_USAGE */
function chooseExperiments(names: readonly string[]): readonly Experiment[] {
  const known = ['all', ...EXPERIMENTS.map(({ name }) => name)]
  const unknown = names.find((name) => !known.includes(name))
  if (unknown !== undefined)
    throw usage(`expected ${known.join(', ')}, found ${JSON.stringify(unknown)}${didYouMean(unknown, known)}`)
  return names.includes('all') ? EXPERIMENTS : EXPERIMENTS.filter(({ name }) => names.includes(name))
}

/** One of ours, or somebody's file. @throws {MptkError} MPTK_USAGE that names what there is */
async function requireTopology(name: string): Promise<void> {
  const known = (await listTopologies()).map((each) => each.name)
  if (known.includes(name) || (await exists(name))) return
  const text = `expected a topology (${known.join(', ')}) or the path of a topology's file, found ${JSON.stringify(name)}`
  throw usage(`${text}${didYouMean(name, known)}`)
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  )
}

/** @throws {MptkError} MPTK_USAGE */
function requireRoot(command: string): void {
  if (process.getuid?.() === 0) return
  throw usage(`mptk ${command} builds network namespaces: run it as root`)
}

/** A new one each time: earlier results stay. `mptk-results-2026-11-27-193402`, local time. */
function defaultFolder(now: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0')
  const date = [now.getFullYear(), two(now.getMonth() + 1), two(now.getDate())].join('-')
  return `mptk-results-${date}-${[now.getHours(), now.getMinutes(), now.getSeconds()].map(two).join('')}`
}

/** Before anything is measured for minutes. @throws {MptkError} MPTK_USAGE */
async function prepareFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true })
    await access(folder, constants.W_OK)
  } catch (cause) {
    throw new MptkError('MPTK_USAGE', `--out: expected a folder to write to: ${describeError(cause)}`, {
      cause,
    })
  }
}
