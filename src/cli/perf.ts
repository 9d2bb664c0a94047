/** `mptk perf server` and `mptk perf client`: traffic between two hosts, and what became of it. */
import { constants } from 'node:os'
import type { ArgumentsCamelCase, CommandModule } from 'yargs'
import { runPerfClient } from '../../mininet/perf/client.js'
import { MAX_SECONDS, MAX_STREAMS } from '../../mininet/perf/messages.js'
import { jsonReport } from '../../mininet/perf/report-json.js'
import { TextProgress, textSummary } from '../../mininet/perf/report-text.js'
import { PerfServer } from '../../mininet/perf/server.js'
import { serverLine } from '../../mininet/perf/server-text.js'
import { socks5Upstream } from '../../proxy/egress/socks5-upstream.js'
import {
  familyOf,
  formatAddress,
  parseDestination,
  parseSocketAddress,
  type Destination,
} from '../address.js'
import { loadPassword } from '../config/load.js'
import { errnoName, MptkError } from '../errors.js'
import { detectKernel } from '../kernel/detect.js'
import { AUTOMATIC, type Kernel, type SocketWish } from '../kernel/kernel.js'
import type { Connection } from '../net/connection.js'
import { dial } from '../net/dial.js'
import {
  DEFAULT_PORT,
  planOptions,
  readNumber,
  readPlan,
  readWish,
  socketOptions,
  usage,
  type PlanArguments,
  type SocketArguments,
} from './perf-options.js'
import { version } from './version.js'
import { printable, printableJson, printableLines } from '../printable.js'
import { complain, printLine } from './print.js'

/** For one connection to the server, proxies included; milliseconds. */
const DIAL = 30_000

/** Of the connections through a proxy, as `mptk run` has them towards its upstream; seconds. */
const KEEPALIVE = { idle: 60, interval: 10, count: 6 }

const text = { type: 'string', requiresArg: true } as const

/** The first signal aborts, a second one ends the process at once. */
function onSignals(): { signal: AbortSignal; exitCode: () => number | undefined } {
  const stop = new AbortController()
  let exitCode: number | undefined
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      if (exitCode !== undefined) process.exit(exitCode)
      exitCode = 128 + constants.signals[name]
      stop.abort(new Error(name))
    })
  }
  return { signal: stop.signal, exitCode: () => exitCode }
}

interface ServerArguments extends SocketArguments {
  listen: string
  once: boolean | undefined
  'max-clients': string
  'max-streams': string
  'max-time': string
}

const serverCommand: CommandModule<object, ServerArguments> = {
  command: 'server',
  describe: 'answer perf clients',
  builder: (yargs) =>
    yargs.options({
      listen: { ...text, default: `127.0.0.1:${DEFAULT_PORT}`, describe: 'address and port to listen on' },
      once: { type: 'boolean', describe: 'end with the first test' },
      'max-clients': {
        ...text,
        default: '8',
        describe: 'tests at a time; further clients hear that it is busy',
      },
      'max-streams': {
        ...text,
        default: String(MAX_STREAMS),
        describe: 'streams of a test in each direction',
      },
      'max-time': { ...text, default: '3600', describe: 'seconds that a test may take' },
      ...socketOptions,
    }),
  async handler(argv) {
    const kernel = detectKernel()
    const wish = readWish(argv)
    const at = parseSocketAddress(argv.listen)
    const limits = {
      clients: readNumber('--max-clients', argv['max-clients'], 1, 1000, true),
      streams: readNumber('--max-streams', argv['max-streams'], 1, MAX_STREAMS, true),
      time: readNumber('--max-time', argv['max-time'], 1, MAX_SECONDS),
    }
    for (const warning of kernel.check(wish)) console.error(`mptk: ${warning}`)
    const signals = onSignals()
    const server = new PerfServer({
      kernel,
      at,
      wish,
      limits,
      once: argv.once === true,
      onTest: (client, plan, result) => printLine(serverLine(client, plan, result)),
      onTrouble: (client, error) =>
        console.error(
          printable(`${client === undefined ? '' : `${formatAddress(client)}: `}${error.message}`),
        ),
    })
    const { protocol, reason } = server.opened
    console.log(
      `listening on ${formatAddress(server.address)}: ${protocol}${reason === undefined ? '' : ` (${reason})`}`,
    )
    signals.signal.addEventListener('abort', () => server.stop(), { once: true })
    const clean = await server.ended
    // a server that runs until it is told to stop has done what it was asked
    process.exitCode = argv.once === true && !clean ? (signals.exitCode() ?? 1) : 0
  },
}

interface ClientArguments extends SocketArguments, PlanArguments {
  host: string
  port: string
  source: string | undefined
  json: boolean | undefined
  through: string | undefined
  username: string | undefined
  'password-file': string | undefined
  'latency-interval': string
}

const clientCommand: CommandModule<object, ClientArguments> = {
  command: 'client <host>',
  describe: 'measure the way to a perf server',
  builder: (yargs) =>
    yargs
      .positional('host', { type: 'string', demandOption: true, describe: 'name or address of the server' })
      .options({
        port: { ...text, alias: 'p', default: String(DEFAULT_PORT), describe: "the server's port" },
        source: { ...text, alias: 'B', describe: 'local address to connect from' },
        ...planOptions,
        ...socketOptions,
        through: { ...text, describe: 'SOCKS5 proxy to go through, as host:port' },
        username: { ...text, implies: ['through', 'password-file'], describe: 'user name for the proxy' },
        'password-file': { ...text, implies: 'username', describe: "file with the proxy's password" },
        json: { type: 'boolean', describe: 'print one JSON document, with iperf3’s names' },
      }),
  async handler(argv) {
    const kernel = detectKernel()
    const plan = readPlan(argv)
    const wish = readWish(argv, argv.source)
    const target = readTarget(argv)
    const latencyInterval = readNumber('--latency-interval', argv['latency-interval'], 0, 60_000)
    const connect = await connector(kernel, wish, target, argv)
    const signals = onSignals()
    const json = argv.json === true
    const progress = json
      ? new TextProgress(process.stderr, true)
      : new TextProgress(process.stdout, process.stdout.isTTY)
    const record = await runPerfClient({
      plan,
      target,
      kernel,
      wish,
      connect,
      latencyInterval,
      signal: signals.signal,
      ...((!json || process.stderr.isTTY) && { observer: progress }),
    })
    progress.end()
    const report = json
      ? `${printableJson(JSON.stringify(jsonReport(record, version())))}\n`
      : printableLines(textSummary(record))
    await new Promise<void>((resolve) => process.stdout.write(report, () => resolve()))
    const code = signals.exitCode()
    if (record.error === undefined) return
    if (code === undefined) throw withoutServer(record.error, target, argv.through)
    complain(record.error)
    process.exitCode = code
  },
}

/** Where nobody listens, what to do about it. */
function withoutServer(error: Error, target: Destination, through: string | undefined): Error {
  const refused = through === undefined && errnoName(error.cause ?? error) === 'ECONNREFUSED'
  if (!refused) return error
  const listen = formatAddress(target)
  return new MptkError(
    'MPTK_PERF',
    `nobody listens on ${listen} (ECONNREFUSED): start mptk perf server --listen ${listen} there`,
    { cause: error },
  )
}

/** @throws {MptkError} */
function readTarget({ host, port }: ClientArguments): Destination {
  const number = readNumber('--port', port, 1, 65_535, true)
  return parseDestination(familyOf(host) === 6 ? `[${host}]:${number}` : `${host}:${number}`)
}

type Connect = (signal: AbortSignal) => Promise<Connection>

/** How connections to the server are made: dialled, or asked of a SOCKS5 proxy. */
async function connector(
  kernel: Kernel,
  wish: SocketWish,
  target: Destination,
  { through, username, 'password-file': passwordFile }: ArgumentsCamelCase<ClientArguments>,
): Promise<Connect> {
  if (through === undefined) return (signal) => dial(kernel, target, { wish, timeout: DIAL, signal })
  const credentials =
    username === undefined || passwordFile === undefined
      ? undefined
      : { username, password: await loadPassword(passwordFile) }
  const address = parseDestination(through)
  const egress = socks5Upstream(
    kernel,
    {
      ...{ type: 'socks5', mptcp: 'preferred', congestion: AUTOMATIC, keepalive: KEEPALIVE },
      ...{ connectTimeout: DIAL, address },
      ...wish,
    },
    credentials,
  )
  return async (signal) => {
    const { connection, head } = await egress.dial(target, {
      subject: {},
      timeout: DIAL,
      signal,
      admit: () => undefined,
      allow: () => true,
    })
    if (head === undefined) return connection
    connection.reset()
    throw usage(`${formatAddress(target)} speaks first: it is no mptk perf server`)
  }
}

export const perfCommand: CommandModule = {
  command: 'perf',
  describe: 'measure throughput and latency over MPTCP or TCP, per subflow',
  builder: (yargs) =>
    yargs
      .command(serverCommand)
      .command(clientCommand)
      .demandCommand(1, 'expected perf server or perf client, found neither'),
  handler() {
    // one of the two commands above runs
  },
}
