/** `mptk run`, and its short forms for one service. */
import type { ArgumentsCamelCase, CommandModule } from 'yargs'
import { checkConfig, loadConfig } from '../config/load.js'
import { DEFAULT_CONFIG } from '../config/defaults.js'
import type { Config } from '../config/schema.js'
import { openLog, type Log } from '../log.js'
import { startHost, type HostOptions } from './host.js'
import { journalOption } from './keep.js'
import { banner } from './banner.js'

const SIGNALS = ['SIGINT', 'SIGTERM'] as const
/** Stopping takes no longer, whatever hangs, milliseconds; docs/configuration.md promises it. */
const STOP_LIMIT = 5000

/** Runs until SIGINT or SIGTERM; a second one while stopping ends the process at once. */
async function runUntilSignal(config: Config, tryIt: boolean, options: HostOptions = {}): Promise<void> {
  const log = openLog(config.log)
  try {
    await runWith(log, config, tryIt, options)
  } finally {
    await log.close()
  }
}

async function runWith(log: Log, config: Config, tryIt: boolean, options: HostOptions): Promise<void> {
  const host = await startHost(config, log.logger, { ...options, logDropped: () => log.dropped() })
  // before the banner: whoever has read it may send a signal at once
  const ended = new Promise<void>((resolve) => {
    const onSignal = (): void => {
      for (const signal of SIGNALS) process.off(signal, onSignal)
      resolve()
    }
    for (const signal of SIGNALS) process.on(signal, onSignal)
  })
  const { lines, fields } = banner(host, tryIt)
  log.announce(lines, fields)
  await ended
  // not process.exit: libuv would wait for its threads. Nobody is told, for that may be what hangs
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), STOP_LIMIT).unref()
  await host.stop()
}

export const runCommand: CommandModule<
  object,
  { config: string | undefined; 'kept-by': string | undefined; journal: string }
> = {
  command: 'run',
  describe: 'run the services of a configuration file; without one, a SOCKS5 proxy on loopback',
  builder: (yargs) =>
    yargs.options({
      config: {
        type: 'string',
        alias: 'c',
        requiresArg: true,
        describe: 'YAML file, see docs/configuration.md',
      },
      'kept-by': {
        type: 'string',
        requiresArg: true,
        describe: 'file of the mptk keep that keeps this host; without it, it is kept from here',
      },
      ...journalOption,
    }),
  async handler({ config, 'kept-by': keptBy, journal }) {
    const loaded =
      config === undefined ? checkConfig(DEFAULT_CONFIG, 'default configuration') : await loadConfig(config)
    await runUntilSignal(loaded, config === undefined, { keptBy, journal })
  },
}

interface ServiceOptions {
  listen: string
  transport: string
  congestion: string | undefined
  status: string | undefined
  log: string
}

const text = { type: 'string', requiresArg: true } as const

const serviceOptions = {
  transport: {
    ...text,
    choices: ['mptcp', 'tcp'],
    default: 'mptcp',
    describe: 'what the listener speaks',
  },
  congestion: {
    ...text,
    describe: 'congestion control of every socket, e.g. cubic; auto: bbr for MPTCP where there is one',
  },
  status: { ...text, describe: 'address for /status, /metrics and /healthz' },
  log: { ...text, default: 'info', describe: 'log level' },
} as const

/** Drops what was not given, so that the schema's defaults hold. */
function given<T extends object>(value: T): Partial<T> {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as Partial<T>
}

function single(service: object, { status, log }: ArgumentsCamelCase<ServiceOptions>): Config {
  const file = {
    services: [service],
    log: { level: log },
    ...(status !== undefined && { status: { listen: status } }),
  }
  return checkConfig(file, 'command line')
}

interface Socks5Options extends ServiceOptions {
  upstream: string | undefined
  username: string | undefined
  'password-file': string | undefined
  'users-file': string | undefined
  anonymous: boolean | undefined
}

export const socks5Command: CommandModule<object, Socks5Options> = {
  command: 'socks5',
  describe: 'run one SOCKS5 proxy, by itself or through an upstream one',
  builder: (yargs) =>
    yargs.options({
      listen: { ...text, default: '127.0.0.1:1080', describe: 'address and port to listen on' },
      upstream: { ...text, describe: 'SOCKS5 proxy to go through, dialled over MPTCP' },
      username: { ...text, implies: 'upstream', describe: 'user name for the upstream' },
      'password-file': { ...text, implies: 'upstream', describe: "file with the upstream's password" },
      'users-file': { ...text, describe: 'YAML file of the users that may connect' },
      anonymous: { type: 'boolean', describe: 'let anybody who can reach the listener use it' },
      ...serviceOptions,
    }),
  async handler(argv) {
    const { listen, transport, congestion, usersFile, anonymous, upstream, username, passwordFile } = argv
    const service = given({
      type: 'socks5',
      listen,
      transport,
      congestion,
      usersFile,
      anonymous,
      upstream:
        upstream === undefined
          ? undefined
          : given({ type: 'socks5', address: upstream, username, passwordFile, congestion }),
      egress: upstream === undefined ? given({ congestion }) : undefined,
    })
    await runUntilSignal(single(service, argv), true)
  },
}

interface ReverseOptions extends ServiceOptions {
  target: string
}

export const reverseCommand: CommandModule<object, ReverseOptions> = {
  command: 'reverse',
  describe: 'run one TCP reverse proxy in front of a server without MPTCP',
  builder: (yargs) =>
    yargs.options({
      listen: { ...text, demandOption: true, describe: 'address and port to listen on' },
      target: { ...text, demandOption: true, describe: 'host and port of the server' },
      ...serviceOptions,
    }),
  async handler(argv) {
    const { listen, target, transport, congestion } = argv
    const service = given({
      type: 'reverse-tcp',
      listen,
      target,
      transport,
      congestion,
      egress: given({ congestion }),
    })
    await runUntilSignal(single(service, argv), false)
  },
}
