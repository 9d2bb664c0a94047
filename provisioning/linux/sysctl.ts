/**
 * One sysctl, or one parameter of a module. Some of them change others when they are written;
 * the state holds all of those, so that a restore brings each of them back.
 */
import { shellLine, shellWord } from '../../src/shell-quote.js'
import type { Command, SysctlResource } from '../resource.js'
import { command, script } from './commands.js'
import type { Driver } from './driver.js'

/** Name to value: first the sysctl itself, then what writing it changes too. */
export type SysctlState = Record<string, string>

const FORWARDING = ['net.ipv4.ip_forward', 'net.ipv4.conf.all.forwarding']
const PATH_MANAGER = ['net.mptcp.path_manager', 'net.mptcp.pm_type']

/**
 * What else a write may change, as names with `*`.
 * - conf/default is copied to interfaces that were never set themselves (net/ipv4/devinet.c),
 *   conf/all of IPv6 to all of them for some settings (net/ipv6/addrconf.c), and so for neigh.
 * - IPv4 forwarding goes to every interface and resets accept_redirects (inet_forward_change).
 * - path_manager and pm_type are two names of one choice (net/mptcp/ctrl.c).
 * - the default congestion control becomes an allowed one (net/ipv4/tcp_cong.c).
 */
export function changedAlong(name: string): string[] {
  if (FORWARDING.includes(name)) {
    return [...FORWARDING, 'net.ipv4.conf.all.accept_redirects', 'net.ipv4.conf.*.forwarding']
  }
  if (PATH_MANAGER.includes(name)) return PATH_MANAGER
  if (name === 'net.ipv4.tcp_congestion_control') return ['net.ipv4.tcp_allowed_congestion_control']
  const [, group, setting] = /^(net\.ipv[46]\.(?:conf|neigh))\.(?:all|default)\.(\w+)$/.exec(name) ?? []
  if (group === undefined || setting === undefined) return []
  const plain = setting.replace(/_ms$/, '')
  return group.endsWith('neigh')
    ? [`${group}.*.${plain}`, `${group}.*.${plain}_ms`]
    : [`${group}.*.${setting}`]
}

/** As sysctl(8) has it: dots and slashes change places, for interfaces like `eth0.100` are `eth0/100`. */
export function pathOf(name: string): string {
  const [, module, parameter] = /^module\/([^/]+)\/([^/]+)$/.exec(name) ?? []
  if (module !== undefined && parameter !== undefined) return `/sys/module/${module}/parameters/${parameter}`
  return `/proc/sys/${name.replace(/[./]/g, (each) => (each === '.' ? '/' : '.'))}`
}

function nameOf(path: string): string {
  const [, module, parameter] = /^\/sys\/module\/([^/]+)\/parameters\/([^/]+)$/.exec(path) ?? []
  if (module !== undefined && parameter !== undefined) return `module/${module}/${parameter}`
  return path.slice('/proc/sys/'.length).replace(/[./]/g, (each) => (each === '.' ? '/' : '.'))
}

/** Patterns in, and out for each file that can be read: path, line end, value, NUL. */
const READ = `
for pattern do
  for file in $pattern; do
    [ -f "$file" ] && value=$(cat "$file" 2>/dev/null) && printf '%s\\n%s\\000' "$file" "$value"
  done
done
true
`.trim()

/** The kernel writes several numbers with tabs between them, people with blanks. */
export function sameValue(a: string, b: string): boolean {
  const [left, right] = [a, b].map((value) => value.trim().split(/\s+/).join(' '))
  return left === right
}

/** Only what differs: a write of the same value can have effects too. */
const PUT_BACK = '[ ! -e "$1" ] || [ "$(cat "$1")" = "$2" ] || printf "%s\\n" "$2" >"$1"'

function write(name: string, value: string): Command {
  // sysctl(8) knows neither parameters of modules nor empty values
  return name.startsWith('module/') || value === ''
    ? { argv: ['tee', pathOf(name)], input: `${value}\n` }
    : command('sysctl', '-w', `${name}=${value}`)
}

function putBack(name: string, value: string): Command {
  const { argv, input } = write(name, value)
  const typed = input === undefined ? shellLine(argv) : `echo ${shellWord(value)} >${shellWord(pathOf(name))}`
  return { ...script(PUT_BACK, [pathOf(name), value]), typed }
}

export const sysctlDriver: Driver<SysctlResource, SysctlState> = {
  kind: 'sysctl',
  async probe({ runner }, { name }) {
    const patterns = [name, ...changedAlong(name)].map(pathOf)
    const { stdout } = await runner.run(['sh', '-c', READ, 'sh', ...patterns])
    const found = new Map(
      stdout
        .split('\0')
        .slice(0, -1)
        .map((each) => {
          const end = each.indexOf('\n')
          return [nameOf(each.slice(0, end)), each.slice(end + 1)]
        }),
    )
    const own = found.get(name)
    return own === undefined ? null : { [name]: own, ...Object.fromEntries(found) }
  },
  satisfied: (state, { name, value }) => {
    const now = state?.[name]
    return now !== undefined && sameValue(now, value)
  },
  apply(state, resource) {
    return this.satisfied(state, resource) ? [] : [write(resource.name, resource.value)]
  },
  restore(state, { name }) {
    if (state === null) return []
    // the one that drags the others along comes first, then those that drag some
    const rank = (each: string) => (each === name ? 0 : /\.(all|default)\./.test(each) ? 1 : 2)
    const names = Object.keys(state).sort((a, b) => rank(a) - rank(b))
    return names.map((each) => putBack(each, state[each] ?? ''))
  },
  // interfaces come and go, and their settings with them
  restored: (state, previous) =>
    Object.entries(previous ?? {}).every(([name, value]) => (state?.[name] ?? value) === value),
  describe: (state, { name, value }) => ({ from: state?.[name] ?? 'absent', to: value }),
}
