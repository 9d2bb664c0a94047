/** All of a host that provisioning may touch, as text: equal before an apply and after its revert. */
import type { Runner } from '../../src/exec.js'

/** Name of a thing to what it is. */
export type HostSnapshot = Record<string, string>

/**
 * In the place of values that differ between two readings with nothing done in between. Known
 * ones: net.netfilter.nf_conntrack_count, net.ipv4.tcp_fastopen_key (drawn when first read),
 * net.mptcp.blackhole_* while a blackhole is timed.
 */
const BY_ITSELF = '(changes by itself)'

const COMMANDS: readonly (readonly string[])[] = [
  ['ip', '-d', 'address'],
  ['ip', '-d', '-4', 'route', 'show', 'table', 'all'],
  ['ip', '-d', '-6', 'route', 'show', 'table', 'all'],
  ['ip', '-d', '-4', 'rule'],
  ['ip', '-d', '-6', 'rule'],
  ['ip', 'mptcp', 'endpoint'],
  ['ip', 'mptcp', 'limits'],
  // counters count
  ['nft', '-s', 'list', 'ruleset'],
]

/** Seconds that run down, of addresses and routes with a lifetime. */
const LIFETIME = /\b(valid_lft|preferred_lft|expires|age) \d+sec/g

/** Type, mode, owner and link target; of plain files the time of the last change and the content too. */
const FILES = `
find "$@" -printf '%p\\t%y %m %u:%g %l\\n'
find "$@" -type f -printf '%p\\t%s %T@ '  -exec sh -c 'sha256sum <"$1"' sh {} \\;
`

async function sample(runner: Runner, folders: readonly string[]): Promise<HostSnapshot> {
  const found: HostSnapshot = {}
  const { stdout: sysctls } = await runner.run(['sysctl', '-a'], { reject: false })
  for (const line of sysctls.split('\n')) {
    const [name = '', value = ''] = line.split(/ = ?(.*)/s)
    if (name.startsWith('net.')) found[`sysctl ${name}`] = value
  }
  for (const argv of COMMANDS) {
    const { stdout } = await runner.run(argv)
    found[argv.join(' ')] = stdout.replaceAll(LIFETIME, '$1')
  }
  if (folders.length > 0) {
    const { stdout } = await runner.run(['sh', '-c', FILES, 'sh', ...folders], { reject: false })
    for (const line of stdout.split('\n')) {
      const [path = '', what = ''] = line.split('\t')
      found[`file ${path}`] = [found[`file ${path}`], what].filter(Boolean).join(' ')
    }
  }
  return found
}

/**
 * Sysctls of the network, addresses, routes of all tables, rules, endpoints, limits, the nftables
 * ruleset, and what is in these folders.
 */
export async function snapshotHost(runner: Runner, folders: readonly string[]): Promise<HostSnapshot> {
  const [first, second] = [await sample(runner, folders), await sample(runner, folders)]
  return Object.fromEntries(
    Object.entries(second).map(([name, value]) => [name, first[name] === value ? value : BY_ITSELF]),
  )
}

/** @returns a line for each thing that is not as it was, having looked twice where something is not */
export async function changesSince(
  before: HostSnapshot,
  runner: Runner,
  folders: readonly string[],
): Promise<string[]> {
  const changes = snapshotDifferences(before, await sample(runner, folders))
  return changes.length === 0 ? [] : snapshotDifferences(before, await snapshotHost(runner, folders))
}

/** A line for each thing that is not as it was. */
function snapshotDifferences(before: HostSnapshot, after: HostSnapshot): string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()
  return names.flatMap((name) => {
    const [was, is] = [before[name], after[name]]
    if (was === is || was === BY_ITSELF || is === BY_ITSELF) return []
    return [`${name}: ${was ?? '(was not there)'} → ${is ?? '(is gone)'}`]
  })
}
