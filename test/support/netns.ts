/** Network namespaces for lab tests, two of them joined by veth pairs; removed when the test ends. */
import { execFileSync } from 'node:child_process'
import type { Test } from 'tap'

let count = 0

/** Runs a command to its end. @throws with what it printed when it fails */
export function run(command: string, ...args: string[]): string {
  return execFileSync(command, args, { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } })
}

export class Namespace {
  /** Unique on this machine while the process lives. */
  readonly name: string

  constructor(t: Test, role: string) {
    this.name = `mkk-${process.pid}-${++count}-${role}`
    run('ip', 'netns', 'add', this.name)
    t.teardown(() => run('ip', 'netns', 'delete', this.name))
    this.run('ip', 'link', 'set', 'lo', 'up')
  }

  /** Words to put before a command that shall run in here. */
  get prefix(): string[] {
    return ['ip', 'netns', 'exec', this.name]
  }

  /** Runs a command in here to its end. */
  run(command: string, ...args: string[]): string {
    return run('ip', 'netns', 'exec', this.name, command, ...args)
  }

  setSysctl(name: string, value: string | number): void {
    this.run('sysctl', '-qw', `${name}=${value}`)
  }
}

/**
 * ```
 *   left ── <prefix>.1 ═ l<n> ──── r<n> ═ <prefix>.2 ── right
 * ```
 * @param prefix the first three numbers of the path's IPv4 network, as `10.71.1`
 */
export function join(left: Namespace, right: Namespace, n: number, prefix: string): void {
  left.run('ip', 'link', 'add', `l${n}`, 'type', 'veth', 'peer', 'name', `r${n}`, 'netns', right.name)
  for (const [side, device, host] of [[left, `l${n}`, 1] as const, [right, `r${n}`, 2] as const]) {
    side.run('ip', 'address', 'add', `${prefix}.${host}/24`, 'dev', device)
    side.run('ip', 'link', 'set', device, 'up')
  }
}
