/** `npm run bench -- relay|connections|idle|http`: ours beside HAProxy, dante, microsocks and nginx, in one run. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import yargs from 'yargs'
import { hideBin } from 'yargs/helpers'
import { connections, connectionsContenders, connectionsEstimate, connectionsFigures } from './connections.js'
import { contenderName, type Contender, type Row, type Workplace } from './contest.js'
import { http, httpContenders, httpEstimate, httpFigures } from './http.js'
import { isolate, isolated, prepareNamespace } from './isolate.js'
import { idle, idleContenders, idleEstimate, idleFigures, possibleSteps } from './idle.js'
import { buildTools } from './load.js'
import { describeMachine } from './machine.js'
import { relay, relayContenders, relayEstimate, relayFigures } from './relay.js'
import { report, type Figure } from './report.js'

interface Common {
  only: string | undefined
  json: string | undefined
}

interface Benchmark {
  contenders: Contender[]
  figures: Figure[]
  estimate(contenders: number): number
  run(contenders: readonly Contender[], place: Workplace): Promise<Row[]>
}

async function perform(benchmark: Benchmark, { only, json }: Common): Promise<void> {
  const pattern = new RegExp(only ?? '', 'i')
  const contenders = benchmark.contenders.filter((each) =>
    pattern.test(`${each.scenario}: ${contenderName(each)}`),
  )
  if (contenders.length === 0) throw new Error(`no contender matches ${JSON.stringify(only)}`)
  const command = ['npm run bench --', ...hideBin(process.argv)].join(' ')
  const machine = await describeMachine()
  console.log([command, ...machine, ''].join('\n'))
  console.error(
    `${contenders.length} contenders, about ${Math.ceil(benchmark.estimate(contenders.length) / 10) * 10} s`,
  )
  const directory = await mkdtemp(join(tmpdir(), 'mptk-bench-'))
  try {
    const tools = await buildTools(directory)
    const rows = await benchmark.run(contenders, { directory, tools, say: (line) => console.error(line) })
    console.log(report(rows, benchmark.figures))
    if (json !== undefined) await writeFile(json, JSON.stringify({ command, machine, rows }, undefined, 2))
    if (rows.some((row) => row.ours && row.failure !== undefined)) process.exitCode = 1
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

if (!isolated()) await isolate()
else await main()

async function main(): Promise<void> {
  prepareNamespace()
  await yargs(hideBin(process.argv))
    .scriptName('npm run bench --')
    .options({
      rounds: { type: 'number', default: 5, describe: 'Measurements of each contender' },
      only: { type: 'string', describe: 'Contenders whose "scenario: name" matches this regular expression' },
      json: { type: 'string', describe: 'Write every figure of every round to this file' },
    })
    .command(
      'relay',
      'CPU seconds per GB and Gbit/s, TCP→TCP and MPTCP→TCP',
      (y) =>
        y.options({
          bytes: { type: 'number', default: 3e9, describe: 'Bytes of one measurement' },
          streams: { type: 'number', default: 1, describe: 'Connections that share them' },
          direction: { choices: ['up', 'down', 'both'] as const, default: 'up' as const },
        }),
      async (argv) => {
        const directions = argv.direction === 'both' ? (['up', 'down'] as const) : [argv.direction]
        const options = { ...argv, directions }
        await perform(
          {
            contenders: relayContenders(),
            figures: relayFigures,
            estimate: (count) => relayEstimate(count, options),
            run: (contenders, place) => relay(contenders, options, place),
          },
          argv,
        )
      },
    )
    .command(
      'connections',
      'SOCKS5 connections per second: handshake, one byte echoed, close',
      (y) =>
        y.options({
          count: { type: 'number', default: 20_000, describe: 'Connections of one measurement' },
          parallel: { type: 'number', default: 64, describe: 'How many at a time' },
        }),
      (argv) =>
        perform(
          {
            contenders: connectionsContenders(),
            figures: connectionsFigures,
            estimate: (count) => connectionsEstimate(count, argv),
            run: (contenders, place) => connections(contenders, argv, place),
          },
          argv,
        ),
    )
    .command(
      'idle',
      'Resident memory with idle relayed connections',
      (y) =>
        y.options({
          steps: { type: 'number', array: true, default: [1000, 10_000], describe: 'Numbers of connections' },
        }),
      async (argv) => {
        const options = { ...argv, steps: possibleSteps(argv.steps) }
        await perform(
          {
            contenders: idleContenders(),
            figures: idleFigures(options),
            estimate: (count) => idleEstimate(count, options),
            run: (contenders, place) => idle(contenders, options, place),
          },
          argv,
        )
      },
    )
    .command(
      'http',
      'HTTP requests per second through kept connections',
      (y) =>
        y.options({
          seconds: { type: 'number', default: 5, describe: 'Length of one measurement' },
          connections: { type: 'number', default: 64, describe: 'Kept connections' },
        }),
      (argv) =>
        perform(
          {
            contenders: httpContenders(),
            figures: httpFigures,
            estimate: (count) => httpEstimate(count, argv),
            run: (contenders, place) => http(contenders, argv, place),
          },
          argv,
        ),
    )
    .demandCommand(1, 'expected relay, connections, idle or http')
    .strict()
    .parseAsync()
}
