/** The near end of a path test: every uplink in turn, repeated, and what came of it. */
import { familyOf, formatAddress, plainAddress, type Destination, type SocketAddress } from '../address.js'
import { errnoName, MptkError } from '../errors.js'
import type { Kernel, SocketWish } from '../kernel/kernel.js'
import { native } from '../native.js'
import { nativeOptions } from '../kernel/options.js'
import { resolve } from '../net/resolve.js'
import { BlackHoleGuard, connectLimit, synsRepeatedWithMptcp, type BlackHoleRecord } from './black-hole.js'
import { attempt, type AttemptOptions } from './path-attempt.js'
import { testJoin, type JoinResult } from './path-join.js'
import { agree, judge, type PathVerdict, type Sight } from './path-verdict.js'
import { adviceOn, farSaw, nearSaw } from './path-words.js'
import { namedUplinks, uplinksTowards, type TestedUplink } from './uplink-list.js'

export interface PathTestOptions {
  to: Destination
  /** Names of interfaces; all with a route to the far end unless given. */
  uplinks?: readonly string[]
  /** Repetitions, 2 or more. */
  repeat: number
  signal: AbortSignal
  /** A repetition is done. */
  onProgress?: (device: string, repetition: number, verdict: PathVerdict) => void
}

export interface UplinkResult extends TestedUplink {
  verdict: PathVerdict
  near: string
  far: string
  advice: string
  /** Of the handshakes: the least, milliseconds. */
  rtt: { mptcp?: number; tcp?: number }
  /** Where connections come from, as the far end sees them. */
  seen?: SocketAddress
  /** That is not the uplink's own address. */
  nat?: boolean
  /** Sockets were bound to the interface and not only to its address. */
  bound: boolean
  repetitions: ({ verdict: PathVerdict } & Sight)[]
  join: JoinResult
}

export interface PathTestResult {
  to: SocketAddress
  uplinks: UplinkResult[]
  blackHole: BlackHoleRecord
  /** MPTCP passes on every uplink, and no join that was tried failed. */
  ok: boolean
}

/** @throws {MptkError} MPTK_PATH_TEST when nothing can be tested, MPTK_RESOLVE; or the signal's reason */
export async function testPaths(kernel: Kernel, options: PathTestOptions): Promise<PathTestResult> {
  const without = kernel.whyNoMptcp()
  if (without !== undefined) throw new MptkError('MPTK_PATH_TEST', `MPTCP cannot be used here: ${without}`)
  const to = await findFarEnd(options)
  const uplinks = findUplinks(to, options.uplinks)
  const guard = new BlackHoleGuard(kernel)
  await guard.begin()
  const tested: UplinkResult[] = []
  // one after the other: the far end's counters cannot tell connections of one host apart
  for (const uplink of uplinks) tested.push(await testUplink(kernel, to, uplink, options, guard))
  for (const result of tested) {
    result.join = await joinOf(kernel, to, result, tested, options.signal)
    result.advice = adviceOn(result.verdict, result.join.join)
  }
  await guard.check()
  const ok = tested.every(({ verdict, join }) => verdict === 'passes' && join.join !== 'no')
  return { to, uplinks: tested, blackHole: guard.record, ok }
}

async function findFarEnd({ to, signal }: PathTestOptions): Promise<SocketAddress> {
  const [address = to.host] = familyOf(to.host) === 0 ? await resolve(to.host, { signal }) : []
  return { address, port: to.port }
}

/** @throws {MptkError} MPTK_PATH_TEST when there is none */
function findUplinks(to: SocketAddress, names: readonly string[] | undefined): TestedUplink[] {
  const found =
    names === undefined ? uplinksTowards(to.address) : namedUplinks(names, familyOf(to.address) === 6 ? 6 : 4)
  if (found.length > 0) return found
  throw new MptkError('MPTK_PATH_TEST', `no interface with an address and a route to ${formatAddress(to)}`)
}

async function testUplink(
  kernel: Kernel,
  to: SocketAddress,
  uplink: TestedUplink,
  { repeat, signal, onProgress }: PathTestOptions,
  guard: BlackHoleGuard,
): Promise<UplinkResult> {
  const { device, address } = uplink
  if (address === undefined) return withoutAddress(uplink, to)
  const bound = maybeBound(device)
  const wish = wishOf(address, device, bound)
  const attemptOptions: AttemptOptions = {
    ...{ kernel, to, wish, signal },
    mptcpLimit: connectLimit(synsRepeatedWithMptcp()),
  }
  const repetitions: UplinkResult['repetitions'] = []
  for (let n = 1; n <= repeat; n++) {
    const sight = await attempt(attemptOptions)
    const verdict = judge(sight)
    repetitions.push({ verdict, ...sight })
    onProgress?.(device, n, verdict)
    await guard.check()
  }
  return summary(uplink, bound, repetitions)
}

function summary(
  uplink: TestedUplink,
  bound: boolean,
  repetitions: UplinkResult['repetitions'],
): UplinkResult {
  const verdict = agree(repetitions.map(({ verdict }) => verdict))
  // what is told in words is a repetition that the verdict is about
  const typical = repetitions.findLast((each) => each.verdict === verdict) ?? repetitions.at(-1)
  const seen = typical?.mptcp.answers.at(-1)?.seen ?? typical?.tcp.answer?.seen
  const mptcp = least(repetitions.map((each) => each.mptcp.rtt))
  const tcp = least(repetitions.map((each) => each.tcp.rtt))
  return {
    ...uplink,
    verdict,
    near: typical === undefined ? '' : nearSaw(typical),
    far: typical === undefined ? '' : farSaw(typical),
    advice: adviceOn(verdict, 'not tested'),
    rtt: { ...(mptcp !== undefined && { mptcp }), ...(tcp !== undefined && { tcp }) },
    ...(seen !== undefined && { seen, nat: seen.address !== plainAddress(uplink.address ?? '') }),
    bound,
    repetitions,
    join: NOT_YET,
  }
}

const NOT_YET: JoinResult = { join: 'not tested' }

function withoutAddress(uplink: TestedUplink, to: SocketAddress): UplinkResult {
  const family = familyOf(to.address) === 6 ? 'IPv6' : 'IPv4'
  return {
    ...summary(uplink, false, []),
    verdict: 'no-tcp',
    near: `${uplink.device} is down, missing, or without a global ${family} address`,
    far: 'not heard',
    advice: adviceOn('no-tcp', 'not tested'),
  }
}

function least(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((each) => each !== undefined)
  return known.length === 0 ? undefined : Math.min(...known)
}

async function joinOf(
  kernel: Kernel,
  to: SocketAddress,
  { device, address, verdict }: UplinkResult,
  all: readonly UplinkResult[],
  signal: AbortSignal,
): Promise<JoinResult> {
  if (address === undefined || verdict === 'no-tcp') return { join: 'not tested', reason: 'nothing connects' }
  if (verdict === 'stripped-data') return { join: 'no', reason: 'a subflow ends with the first data on it' }
  const carrier = all.find((each) => each.device !== device && each.verdict === 'passes')
  if (carrier?.address === undefined) {
    return { join: 'not tested', reason: 'there is no other uplink over which MPTCP passes' }
  }
  const wish = wishOf(carrier.address, carrier.device, carrier.bound)
  return await testJoin({ kernel, to, address: plainAddress(address), carrier: wish, signal })
}

function wishOf(source: string, device: string, bound: boolean): Omit<SocketWish, 'transport'> {
  return { source, ...(bound && { device }) }
}

/** Whether this process may bind to the interface: without privilege not before Linux 5.7. */
function maybeBound(device: string): boolean {
  try {
    native.close(native.socket(nativeOptions(4, { transport: 'tcp', device }, 'tcp')))
    return true
  } catch (error) {
    if (errnoName(error) === 'EPERM') return false
    throw error
  }
}
