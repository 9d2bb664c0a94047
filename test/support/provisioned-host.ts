/** A host with two uplinks in a namespace of its own, somebody else's settings on it, and `mptk` to provision it. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join as path } from 'node:path'
import type { Test } from 'tap'
import { localRunner, type Runner } from '../../src/exec.js'
import { netnsRunner } from '../../src/exec-netns.js'
import { hostStateOf, stateChanges } from './host-state.js'
import { join, Namespace } from './netns.js'
import { run, start, type Command, type Ended } from './process.js'
import { scratchFolder } from './scratch.js'
import { until } from './until.js'

const CONFIG = `
services:
  - type: socks5
    listen: 127.0.0.1:1080
    upstream: { type: socks5, address: 10.71.1.2:1080, username: alice, password: secret }
host:
  setup: client
  uplinks:
    l1: { gateway: 10.71.1.2 }
    l2: { role: backup, gateway: 10.71.2.2 }
  sysctls: { net.ipv4.tcp_keepalive_time: 600 }
`

/** With this after its password the service does not start: the kernel has no such thing, which no plan asks. */
export const BROKEN: readonly [from: string, to: string] = [
  'password: secret',
  'password: secret, congestion: nosuchalgo',
]

export class ProvisionedHost {
  readonly namespace: Namespace
  /** At the other end of both uplinks. */
  readonly neighbour: Namespace
  readonly runner: Runner
  readonly folder: string
  readonly config: string
  /** Two folders of its path do not exist. */
  readonly state: string
  readonly #t: Test

  /**
   * ```
   *   host ── l1 10.71.1.1 ─── 10.71.1.2 ── net
   *        ── l2 10.71.2.1 ─── 10.71.2.2 ──
   * ```
   */
  constructor(t: Test) {
    this.#t = t
    this.namespace = new Namespace(t, 'host')
    const net = new Namespace(t, 'net')
    this.neighbour = net
    // link-local addresses would become ready while a test looks
    for (const side of [this.namespace, net]) side.setSysctl('net.ipv6.conf.default.disable_ipv6', 1)
    join(this.namespace, net, 1, '10.71.1')
    join(this.namespace, net, 2, '10.71.2')
    this.runner = netnsRunner(localRunner, this.namespace.name)
    this.folder = scratchFolder(t)
    this.config = path(this.folder, 'host.yaml')
    this.state = path(this.folder, 'lib/mptk')
    writeFileSync(this.config, CONFIG)
    // the namespace would not go while a process of it lives
    t.teardown(() => this.mptk('revert'))
    this.#setForeign()
  }

  /** What others have set here. */
  #setForeign(): void {
    this.namespace.run(
      'nft',
      'add table inet foreign { chain input { type filter hook input priority 5; }; }',
    )
    this.namespace.run('ip', 'mptcp', 'endpoint', 'add', '10.71.9.9', 'id', '7', 'signal')
    this.namespace.run('ip', 'route', 'add', '10.99.0.0/16', 'via', '10.71.1.2', 'table', '99')
    this.namespace.run('ip', 'rule', 'add', 'priority', '99', 'from', '10.99.0.0/16', 'lookup', '99')
    this.namespace.setSysctl('net.ipv4.tcp_fin_timeout', 33)
    this.namespace.setSysctl('net.mptcp.close_timeout', 44)
  }

  /** Of what others have set, what there is now. */
  foreign(): string {
    const commands = [
      ['nft', 'list', 'table', 'inet', 'foreign'],
      ['ip', 'mptcp', 'endpoint', 'show', 'id', '7'],
      ['ip', 'route', 'show', 'table', '99'],
      ['ip', 'rule', 'show', 'priority', '99'],
      ['sysctl', 'net.ipv4.tcp_fin_timeout', 'net.mptcp.close_timeout'],
    ] as const
    return commands.map(([command, ...args]) => this.namespace.run(command, ...args)).join('')
  }

  args(command: string, ...more: string[]): string[] {
    const config = ['apply', 'plan'].includes(command) ? ['--config', this.config] : []
    return [command, ...config, '--netns', this.namespace.name, '--state', this.state, ...more]
  }

  mptk(command: string, ...more: string[]): Promise<Ended> {
    return run(this.#t, this.args(command, ...more))
  }

  start(args: string[], env: Record<string, string> = {}): Command {
    return start(this.#t, args, { env })
  }

  /** As a crash would end it; returns when it is gone. */
  async killService(): Promise<void> {
    const [pid = ''] = readFileSync(path(this.state, 'mptk.pid'), 'utf8').split(' ')
    process.kill(Number(pid), 'SIGKILL')
    await until('the service to be gone', () => (existsSync(`/proc/${pid}/exe`) ? 'it is there' : undefined))
  }

  /** With its own folder and others. */
  snapshot(...folders: string[]): Promise<string> {
    return hostStateOf(this.runner, this.folder, ...folders)
  }

  /** @returns what is not as it was then */
  async changedSince(before: string, ...folders: string[]): Promise<string[]> {
    return stateChanges(before, await this.snapshot(...folders))
  }
}
