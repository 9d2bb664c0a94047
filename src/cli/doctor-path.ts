/** `mptk doctor path`: what becomes of MPTCP on the way to a proxy, from each uplink. */
import { isIPv6 } from 'node:net'
import type { CommandModule } from 'yargs'
import { parseDestination, type Destination } from '../address.js'
import { didYouMean } from '../closest.js'
import { loadConfig } from '../config/load.js'
import type { Config } from '../config/schema.js'
import { MptkError } from '../errors.js'
import { detectKernel } from '../kernel/detect.js'
import { readInterfaces } from '../paths/interfaces.js'
import { testPaths } from '../paths/path-test.js'
import { DEFAULT_PORT } from '../paths/path-test-protocol.js'
import { formatPathReport } from './path-report.js'
import { readNumber } from './perf-options.js'
import { untilSignal } from './signals.js'
import { print, printJson } from './print.js'

interface PathArguments {
  to: string
  config: string | undefined
  uplink: string[] | undefined
  repeat: string
  json: boolean
}

const text = { type: 'string', requiresArg: true } as const

export const doctorPathCommand: CommandModule<object, PathArguments> = {
  command: 'path',
  describe:
    'test whether MPTCP passes to a proxy, from each uplink (exit code 0 when it passes on all of them)',
  builder: (yargs) =>
    yargs
      // of an uplink given twice both count
      .parserConfiguration({ 'duplicate-arguments-array': true })
      .options({
        to: {
          ...text,
          demandOption: true,
          describe: `far end, as host or host:port (${DEFAULT_PORT}): a service of type path-test`,
        },
        config: { ...text, alias: 'c', describe: 'YAML file with the uplinks to test (host.uplinks)' },
        uplink: { ...text, array: true, conflicts: 'config', describe: 'interface to test; may be repeated' },
        repeat: { ...text, default: '3', describe: 'repetitions for each uplink, 2 to 20' },
        json: { type: 'boolean', default: false, describe: 'print everything that was seen as JSON' },
      }),
  async handler({ to, config, uplink, repeat, json }) {
    const uplinks = config === undefined ? uplink : await uplinksOf(config)
    if (config === undefined) requireInterfaces(uplink ?? [])
    const { signal, exitCode } = untilSignal()
    const options = {
      ...{ to: readTarget(to), repeat: readNumber('--repeat', repeat, 2, 20, true), signal },
      ...(uplinks !== undefined && { uplinks }),
      ...(process.stderr.isTTY && { onProgress: showProgress }),
    }
    try {
      const result = await testPaths(detectKernel(), options)
      if (json) printJson(result)
      else print(formatPathReport(result))
      process.exitCode = result.ok ? 0 : 1
    } catch (error) {
      if (!signal.aborted) throw error
      console.error('mptk: the path test was interrupted')
    }
    process.exitCode = exitCode() ?? process.exitCode
  },
}

/** `host`, `host:port`, an IPv6 address with or without brackets. @throws {MptkError} MPTK_ADDRESS */
function readTarget(given: string): Destination {
  const bare = isIPv6(given) ? `[${given}]` : given
  const target = parseDestination(/[^:\]]:\d+$|\]:\d+$/.test(bare) ? bare : `${bare}:${DEFAULT_PORT}`)
  if (target.port > 0) return target
  throw new MptkError('MPTK_ADDRESS', `expected a port of 1 to 65535, found ${JSON.stringify(given)}`)
}

/** @throws {MptkError} MPTK_USAGE that names those there are */
function requireInterfaces(names: readonly string[]): void {
  const there = [...readInterfaces().values()].filter(({ loopback }) => !loopback).map(({ name }) => name)
  const unknown = names.find((name) => name !== 'lo' && !there.includes(name))
  if (unknown === undefined) return
  const text = `--uplink: expected an interface of this host (${there.join(', ') || 'it has none'})`
  throw new MptkError('MPTK_USAGE', `${text}, found ${JSON.stringify(unknown)}${didYouMean(unknown, there)}`)
}

/** Those that carry traffic. @throws {MptkError} */
async function uplinksOf(file: string): Promise<string[]> {
  const names = uplinksThatCarry(await loadConfig(file))
  if (names.length > 0) return names
  throw new MptkError(
    'MPTK_CONFIG',
    `${file}: host.uplinks: expected an uplink whose role is not off, found none`,
  )
}

/** Names of the uplinks whose role is not `off`. */
export function uplinksThatCarry({ host }: Config): string[] {
  return Object.entries(host?.uplinks ?? {}).flatMap(([name, { role }]) => (role === 'off' ? [] : [name]))
}

function showProgress(device: string, repetition: number, verdict: string): void {
  console.error(`${device}: repetition ${repetition}: ${verdict}`)
}
