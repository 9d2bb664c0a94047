/**
 * A host with two uplinks, one of whose routers can be made a middlebox, for `mptk doctor path`:
 *
 *     near ── 10.92.1.0/24 ═ wlan ── wlan router ── 10.92.2.0/24 ──┐
 *          ── 10.92.3.0/24 ═ cell ── cell router ── 10.92.4.0/24 ──┴─ far (10.92.9.9)
 *
 * Two default routes and no source routing, as on most laptops.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { parse } from 'yaml'
import type { PathTestResult } from '../../src/paths/path-test.js'
import { parseNetstat } from '../../src/kernel/counters.js'
import { Namespace } from './netns.js'
import { run, start, type Command, type Ended } from './process.js'
import { scratchFolder } from './scratch.js'

export const FAR = '10.92.9.9'

/** To be matched by rules of a middlebox. */
export const SYN = 'tcp flags & (syn | ack) == syn'

export interface Network {
  near: Namespace
  far: Namespace
  wlan: Namespace
  cell: Namespace
}

export function network(t: Test): Network {
  const [near, far] = [new Namespace(t, 'near'), new Namespace(t, 'far')]
  const path = (name: string, a: number, b: number): Namespace => {
    const router = new Namespace(t, name)
    near.run('ip', 'link', 'add', name, 'type', 'veth', 'peer', 'name', 'near', 'netns', router.name)
    far.run('ip', 'link', 'add', name, 'type', 'veth', 'peer', 'name', 'far', 'netns', router.name)
    const addresses = [
      [near, name, `10.92.${a}.1/24`],
      [router, 'near', `10.92.${a}.2/24`],
      [router, 'far', `10.92.${b}.1/24`],
      [far, name, `10.92.${b}.2/24`],
    ] as const
    for (const [host, device, address] of addresses) {
      host.run('ip', 'address', 'add', address, 'dev', device)
      host.run('ip', 'link', 'set', device, 'up')
    }
    router.setSysctl('net.ipv4.ip_forward', 1)
    router.run('ip', 'route', 'add', FAR, 'via', `10.92.${b}.2`)
    near.run('ip', 'route', 'add', 'default', 'via', `10.92.${a}.2`, 'metric', String(100 * a))
    far.run('ip', 'route', 'add', `10.92.${a}.0/24`, 'via', `10.92.${b}.1`)
    return router
  }
  const wlan = path('wlan', 1, 2)
  const cell = path('cell', 3, 4)
  far.run('ip', 'address', 'add', `${FAR}/32`, 'dev', 'lo')
  near.run('ip', 'mptcp', 'endpoint', 'add', '10.92.1.1', 'dev', 'wlan', 'subflow')
  near.run('ip', 'mptcp', 'endpoint', 'add', '10.92.3.1', 'dev', 'cell', 'subflow')
  return { near, far, wlan, cell }
}

/** Replaces what a router does to packets that it forwards. */
export function middlebox(router: Namespace, ...rules: string[]): void {
  router.run('nft', 'flush', 'ruleset')
  if (rules.length === 0) return
  const body = rules.map((rule) => `add rule ip box forward ${rule}`)
  const chain = 'add chain ip box forward { type filter hook forward priority 0; }'
  router.run('nft', ['add table ip box', chain, ...body].join('; '))
}

const MANUAL = readFileSync(new URL('../../docs/path-test.md', import.meta.url), 'utf8')

export function block(language: string): string {
  const [, body] = new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'm').exec(MANUAL) ?? []
  if (body === undefined) throw new Error(`docs/path-test.md has no block of ${language}`)
  return body
}

/** As the manual tells to write them. */
function farServices(): object[] {
  return (parse(block('yaml')) as { services: object[] }).services
}

export async function farEnd(t: Test, far: Namespace): Promise<Command> {
  const file = join(scratchFolder(t), 'far.yaml')
  const socks5 = { type: 'socks5', listen: '0.0.0.0:1080', anonymous: true }
  writeFileSync(file, JSON.stringify({ services: [socks5, ...farServices()] }))
  const command = start(t, ['run', '--config', file], { prefix: far.prefix })
  await command.addressOf('path-test')
  await command.addressOf('socks5')
  return command
}

export function doctor(t: Test, near: Namespace, ...args: string[]): Promise<Ended> {
  return run(t, ['doctor', 'path', ...args], { prefix: near.prefix })
}

/** Both uplinks, two repetitions, as data. */
export async function pathTest(t: Test, near: Namespace, to = FAR) {
  const ended = await doctor(t, near, '--to', to, '--repeat', '2', '--json')
  if (ended.stdout === '') throw new Error(ended.stderr)
  const result = JSON.parse(ended.stdout) as PathTestResult
  const [wlan, cell] = ['wlan', 'cell'].map((name) => result.uplinks.find(({ device }) => device === name))
  if (wlan === undefined || cell === undefined) throw new Error(`two uplinks expected in ${ended.stdout}`)
  return { ...result, code: ended.code, wlan, cell }
}

/** What the kernel of a host has counted of black holes. */
export function blackHoleCounters(host: Namespace): (number | undefined)[] {
  const counters = parseNetstat(host.run('cat', '/proc/net/netstat'), 'MPTcpExt')
  return ['Blackhole', 'MPCapableSYNTXDrop', 'MPCapableSYNTXDisabled'].map((name) => counters.get(name))
}
