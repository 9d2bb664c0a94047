/** Two namespaces joined by an emulated link and, for control measurements, by a plain veth. */
import type { Test } from 'tap'
import { Link, type LinkOptions } from './linkem.js'
import { join, Namespace } from './netns.js'

export interface TwoHosts {
  a: Namespace
  b: Namespace
  link: Link
  /** Of b over the emulated link, of b over the veth, of a over the emulated link. */
  toB: string
  controlB: string
  toA: string
}

/**
 * ```
 *   a ── 10.81.1.1 ═ eth0 ──linkem── eth0 ═ 10.81.1.2 ── b
 *   a ── 10.81.2.1 ═ l1 ────veth──── r1 ═ 10.81.2.2 ── b
 * ```
 * Without IPv6 and ARP on the link, so that counters show what a test sent and nothing else.
 */
export async function twoHosts(
  t: Test,
  options: Omit<LinkOptions, 'a' | 'b' | 'device'> = {},
): Promise<TwoHosts> {
  const [a, b] = [new Namespace(t, 'a'), new Namespace(t, 'b')]
  for (const side of [a, b]) side.setSysctl('net.ipv6.conf.default.disable_ipv6', 1)
  const link = await Link.start(t, { ...options, a: a.name, b: b.name })
  const ends = [
    [a, '10.81.1.1', '10.81.1.2', link.ready.b.mac],
    [b, '10.81.1.2', '10.81.1.1', link.ready.a.mac],
  ] as const
  for (const [side, own, other, mac] of ends) {
    side.run('ip', 'address', 'add', `${own}/24`, 'dev', 'eth0')
    side.run('ip', 'neighbour', 'replace', other, 'lladdr', mac, 'dev', 'eth0', 'nud', 'permanent')
  }
  join(a, b, 1, '10.81.2')
  return { a, b, link, toA: '10.81.1.1', toB: '10.81.1.2', controlB: '10.81.2.2' }
}
