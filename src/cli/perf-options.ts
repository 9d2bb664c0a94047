/** The options of `mptk perf`, read and checked: each error says what was expected and what was found. */
import { familyOf } from '../address.js'
import { MptkError } from '../errors.js'
import { AUTOMATIC, type SocketWish } from '../kernel/kernel.js'
import {
  MAX_BLOCK,
  MAX_REQUEST_SIZE,
  MAX_SECONDS,
  MAX_STREAMS,
  MIN_INTERVAL,
  type TestPlan,
} from '../../mininet/perf/messages.js'

/** Also iperf3's would do, were it not for those who run both. */
export const DEFAULT_PORT = 5210

const text = { type: 'string', requiresArg: true } as const
const flag = { type: 'boolean' } as const

/** What sockets of both ends are opened with. */
export const socketOptions = {
  transport: { ...text, choices: ['mptcp', 'tcp'], default: 'mptcp', describe: 'what the connections speak' },
  mptcp: {
    ...text,
    choices: ['preferred', 'required'],
    default: 'preferred',
    describe: 'required: fail rather than measure TCP',
  },
  congestion: {
    ...text,
    alias: 'C',
    describe: 'congestion control of both ends, e.g. cubic; auto: bbr for MPTCP where there is one',
  },
  scheduler: { ...text, describe: 'scheduler of this end (kernels that have one per socket)' },
  'path-manager': { ...text, describe: 'path manager of this end (likewise)' },
} as const

export interface SocketArguments {
  transport: string
  mptcp: string
  congestion: string | undefined
  scheduler: string | undefined
  'path-manager': string | undefined
}

export const planOptions = {
  parallel: {
    ...text,
    alias: 'P',
    default: '1',
    describe: `bulk streams in each direction, up to ${MAX_STREAMS}`,
  },
  reverse: { ...flag, alias: 'R', describe: 'the server sends' },
  bidir: { ...flag, describe: 'both send' },
  time: { ...text, alias: 't', describe: 'seconds to send for (10)' },
  bytes: { ...text, alias: 'n', describe: 'bytes to send in each direction instead, as 500K, 20M, 1G' },
  interval: { ...text, alias: 'i', default: '1', describe: 'seconds from one report to the next' },
  omit: { ...text, alias: 'O', default: '0', describe: 'seconds at the beginning that do not count' },
  length: { ...text, alias: 'l', default: '128K', describe: 'bytes of one send call' },
  latency: {
    ...text,
    choices: ['load', 'idle'],
    describe: 'measure request and answer: beside the bulk streams, or without any',
  },
  'latency-interval': {
    ...text,
    default: '20',
    describe: 'milliseconds between requests; 0: one after another',
  },
  'latency-size': { ...text, default: '64', describe: 'bytes of a request and of its answer' },
} as const

export interface PlanArguments {
  parallel: string
  reverse: boolean | undefined
  bidir: boolean | undefined
  time: string | undefined
  bytes: string | undefined
  interval: string
  omit: string
  length: string
  latency: string | undefined
  'latency-size': string
  congestion: string | undefined
}

/** A number from `least` to `most`. @throws {MptkError} MPTK_USAGE */
export function readNumber(name: string, value: string, least: number, most: number, whole = false): number {
  const number = /^\d+(\.\d+)?$/.test(value.trim()) ? Number(value) : NaN
  if (number >= least && number <= most && (!whole || Number.isInteger(number))) return number
  const kind = whole ? 'a whole number' : 'a number'
  throw usage(`${name}: expected ${kind} from ${least} to ${most}, found ${JSON.stringify(value)}`)
}

const UNITS: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 }

/** Bytes, with iperf3's suffixes: K is 1024. @throws {MptkError} MPTK_USAGE */
export function readSize(name: string, value: string, least: number, most: number): number {
  const match = /^(\d+(?:\.\d+)?)([KMGT]?)$/i.exec(value.trim())
  const size = Math.floor(Number(match?.[1]) * (UNITS[match?.[2]?.toUpperCase() ?? ''] ?? NaN))
  if (size >= least && size <= most) return size
  throw usage(
    `${name}: expected bytes as 4096, 128K, 20M or 1G (${least} to ${most}), found ${JSON.stringify(value)}`,
  )
}

const KERNEL_NAME = /^[\w.-]{1,15}$/

function readName(name: string, value: string): string {
  if (KERNEL_NAME.test(value)) return value
  throw usage(`${name}: expected a name of at most 15 letters, digits, _ . -, found ${JSON.stringify(value)}`)
}

/** @throws {MptkError} MPTK_USAGE */
export function readWish(given: SocketArguments, source?: string): SocketWish {
  if (source !== undefined && familyOf(source) === 0) {
    throw usage(`--source: expected an IP address of this host, found ${JSON.stringify(source)}`)
  }
  const { congestion, scheduler, 'path-manager': pathManager } = given
  return {
    transport: given.transport === 'tcp' ? 'tcp' : 'mptcp',
    ...(given.mptcp === 'required' && { mptcp: 'required' as const }),
    ...(congestion !== undefined && { congestion: readName('--congestion', congestion) }),
    ...(scheduler !== undefined && {
      scheduler: { name: readName('--scheduler', scheduler), optional: false },
    }),
    ...(pathManager !== undefined && {
      pathManager: { name: readName('--path-manager', pathManager), optional: false },
    }),
    ...(source !== undefined && { source }),
  }
}

/** @throws {MptkError} MPTK_USAGE */
export function readPlan(given: PlanArguments): TestPlan {
  const { time, bytes, latency, congestion } = given
  const exclusive = (a: string, b: string): MptkError => usage(`expected ${a} or ${b}, found both`)
  if (given.reverse === true && given.bidir === true) throw exclusive('--reverse', '--bidir')
  if (time !== undefined && bytes !== undefined) throw exclusive('--time', '--bytes')
  const idle = latency === 'idle'
  if (idle && bytes !== undefined) throw exclusive('--bytes', '--latency idle, which sends none')
  if (idle && (given.reverse === true || given.bidir === true)) {
    throw usage('--latency idle has no bulk streams and so no direction, found --reverse or --bidir')
  }
  const omit = readNumber('--omit', given.omit, 0, MAX_SECONDS)
  if (bytes !== undefined && omit > 0) throw exclusive('--omit', '--bytes')
  return {
    direction: given.bidir === true ? 'bidir' : given.reverse === true ? 'reverse' : 'forward',
    streams: idle ? 0 : readNumber('--parallel', given.parallel, 1, MAX_STREAMS, true),
    ...(bytes === undefined
      ? { duration: readNumber('--time', time ?? '10', MIN_INTERVAL, MAX_SECONDS) }
      : { bytes: readSize('--bytes', bytes, 1, Number.MAX_SAFE_INTEGER) }),
    omit,
    interval: readNumber('--interval', given.interval, MIN_INTERVAL, MAX_SECONDS),
    blockSize: readSize('--length', given.length, 1, MAX_BLOCK),
    ...(congestion !== undefined &&
      congestion !== AUTOMATIC && { congestion: readName('--congestion', congestion) }),
    ...(latency !== undefined && {
      latency: { size: readSize('--latency-size', given['latency-size'], 1, MAX_REQUEST_SIZE) },
    }),
  }
}

export function usage(message: string): MptkError {
  return new MptkError('MPTK_USAGE', message)
}
