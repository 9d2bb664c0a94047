/** Reads the facts of a host: nothing is changed, and everything is asked through the runner. */
import { realpathSync } from 'node:fs'
import { z } from 'zod'
import type { Config } from '../src/config/schema.js'
import type { Runner } from '../src/exec.js'
import { decideFlavour } from '../src/kernel/detect.js'
import type { Flavour } from '../src/kernel/kernel.js'
import type { ClosedFirewall, HostFacts } from './facts.js'
import {
  OUT_OF_TREE_PATH_MANAGERS,
  OUT_OF_TREE_SCHEDULERS,
  pathManagerModule,
  schedulerModule,
} from './kernels/out-of-tree.js'
import type { Place } from './linux/driver.js'
import { readOwners } from './owners.js'
import { readEndpoints } from './probe/endpoints.js'
import { closedFirewalls } from './probe/firewalls.js'
import { readInterfaces, readRules } from './probe/interfaces.js'
import { parseAnswer } from './probe/json.js'
import { readOwnUser } from './probe/own-user.js'
import { readFiles, sysctlFile } from './probe/read-files.js'
import { wantedModules, WANTED_PROGRAMS, wantedSysctls } from './probe/wanted.js'

const SYSCTL = {
  hostname: 'kernel.hostname',
  release: 'kernel.osrelease',
  congestion: 'net.ipv4.tcp_congestion_control',
  congestionAvailable: 'net.ipv4.tcp_available_congestion_control',
  congestionAllowed: 'net.ipv4.tcp_allowed_congestion_control',
  /** Where there is IPv6. */
  ipv6: 'net.ipv6.conf.all.disable_ipv6',
  /** In the first network namespace only. */
  initial: 'net.core.netdev_budget',
} as const

const MPTCP_SYSCTLS = [
  'enabled',
  'scheduler',
  'available_schedulers',
  'path_manager',
  'available_path_managers',
  'pm_type',
  'mptcp_enabled',
  'mptcp_scheduler',
  'mptcp_path_manager',
].map((name) => `net.mptcp.${name}`)

const OUT_OF_TREE_FILES = ['/proc/net/mptcp_net/snmp', '/proc/net/mptcp_net/mptcp']

/** @throws {MptkError} MPTK_EXEC */
export async function readFacts(place: Place, config: Config): Promise<HostFacts> {
  const { runner } = place
  const interfaces = await readInterfaces(runner)
  const asked = wantedSysctls(
    config,
    interfaces.map(({ name }) => name),
  )
  const files = await readFiles(runner, [
    ...new Set([...Object.values(SYSCTL), ...MPTCP_SYSCTLS, ...asked].map(sysctlFile)),
    ...OUT_OF_TREE_FILES,
  ])
  const value = (name: string): string | undefined => files.get(sysctlFile(name))
  const words = (name: string): string[] => value(name)?.split(/\s+/).filter(Boolean) ?? []
  const [rules, endpoints, owners, firewalls, programs, modules, mptk] = await Promise.all([
    readRules(runner),
    readEndpoints(runner),
    readOwners(runner),
    readFirewalls(runner),
    findPrograms(runner, WANTED_PROGRAMS),
    findModules(runner, wantedModules(config)),
    findMptk(runner),
  ])
  return {
    hostname: value(SYSCTL.hostname) ?? '',
    flavour: flavourOf(files),
    release: value(SYSCTL.release) ?? '',
    initialNamespace: value(SYSCTL.initial) !== undefined,
    congestion: {
      available: words(SYSCTL.congestionAvailable),
      allowed: words(SYSCTL.congestionAllowed),
      current: value(SYSCTL.congestion) ?? '',
    },
    schedulers: schedulers(value, words, modules),
    pathManagers: pathManagers(value, words, modules),
    modules: [...modules].filter(([, state]) => state !== 'builtin').map(([name]) => name),
    ipv6: value(SYSCTL.ipv6) !== undefined,
    interfaces,
    rules,
    owners,
    closedFirewalls: firewalls,
    systemd: place.systemd,
    sysctls: new Map(
      asked.flatMap((name) => {
        const found = value(name)
        return found === undefined ? [] : [[name, found.replaceAll(/\s+/g, ' ')] as const]
      }),
    ),
    endpoints,
    programs,
    mptk,
    ...(await readOwnUser(runner, mptk)),
    state: place.state,
  }
}

/**
 * By files alone: the socket options and families that would also tell belong to this process's
 * kernel, which over ssh is another one.
 */
function flavourOf(files: ReadonlyMap<string, string>): Flavour {
  return decideFlavour({
    hasSysctl: (name) => files.has(sysctlFile(name)),
    hasFile: (path) => files.has(path),
    mptcpSocket: () => 'unknown',
    hasFamily: () => false,
  })
}

type Value = (name: string) => string | undefined
type Words = (name: string) => string[]

interface Names {
  current: string
  available: string[]
}

/** Upstream kernels before 6.6 have one scheduler and no name for it; out-of-tree ones have no list. */
function schedulers(value: Value, words: Words, modules: ModuleStates): Names {
  const current = value('net.mptcp.mptcp_scheduler') ?? value('net.mptcp.scheduler') ?? 'default'
  const present = namesOf(OUT_OF_TREE_SCHEDULERS, schedulerModule, modules)
  return named(current, [...words('net.mptcp.available_schedulers'), ...present])
}

/** Upstream: `path_manager` since 6.15, `pm_type` since 5.19, before it the kernel's alone. */
function pathManagers(value: Value, words: Words, modules: ModuleStates): Names {
  const type = value('net.mptcp.pm_type')
  const current =
    value('net.mptcp.mptcp_path_manager') ??
    value('net.mptcp.path_manager') ??
    (type === '1' ? 'userspace' : 'kernel')
  const present = namesOf(OUT_OF_TREE_PATH_MANAGERS, pathManagerModule, modules)
  const listed = words('net.mptcp.available_path_managers')
  const known = listed.length > 0 || type === undefined ? listed : ['kernel', 'userspace']
  return named(current, [...known, ...present])
}

function named(current: string, others: readonly string[]): Names {
  return { current, available: [...new Set([...others, current])] }
}

/** Those whose module is there already, built in or loaded. */
function namesOf(
  known: readonly string[],
  moduleOf: (name: string) => string,
  modules: ModuleStates,
): string[] {
  return known.filter((name) => ['builtin', 'loaded'].includes(modules.get(moduleOf(name)) ?? ''))
}

async function readFirewalls(runner: Runner): Promise<ClosedFirewall[]> {
  const script = 'PATH=$PATH:/usr/sbin:/sbin; nft -j list ruleset 2>/dev/null || echo {}'
  const { stdout } = await runner.run(['sh', '-c', script])
  return closedFirewalls(parseAnswer(['nft', '-j', 'list', 'ruleset'], stdout, z.unknown()))
}

/** Over ssh the path of a user may lack the folders of root's programs. */
async function findPrograms(runner: Runner, names: readonly string[]): Promise<Map<string, string>> {
  const script =
    'PATH=$PATH:/usr/sbin:/sbin; for name; do path=$(command -v "$name") && echo "$name $path"; done; true'
  const { stdout } = await runner.run(['sh', '-c', script, 'sh', ...names])
  return new Map([...stdout.matchAll(/^(\S+) (\/.*)$/gm)].map(([, name = '', path = '']) => [name, path]))
}

/** By module name: `loaded`, `loadable`, `builtin`. */
type ModuleStates = ReadonlyMap<string, string>

/** A folder in /sys/module without a line in /proc/modules is a built-in one; not every built-in one has a folder. */
async function findModules(runner: Runner, names: readonly string[]): Promise<ModuleStates> {
  const script = `PATH=$PATH:/usr/sbin:/sbin
for name; do
  if grep -qs "^$name " /proc/modules; then echo "$name loaded"
  elif [ -d "/sys/module/$name" ]; then echo "$name builtin"
  else
    case $(modinfo -F filename "$name" 2>/dev/null) in
      /*) echo "$name loadable" ;;
      ?builtin?) echo "$name builtin" ;;
    esac
  fi
done`
  const { stdout } = await runner.run(['sh', '-c', script, 'sh', ...names])
  return new Map([...stdout.matchAll(/^(\S+) (\S+)$/gm)].map(([, name = '', state = '']) => [name, state]))
}

/** This very program where the place has it, in a namespace or on the same machine; else the one installed there. */
async function findMptk(runner: Runner): Promise<string[]> {
  const own = [process.execPath, realpathSync(process.argv[1] ?? process.execPath)]
  const script = '[ -x "$1" ] && [ -r "$2" ] && echo same; PATH=$PATH:/usr/local/bin; command -v mptk; true'
  const { stdout } = await runner.run(['sh', '-c', script, 'sh', ...own])
  const [found = 'mptk'] = stdout.split('\n').filter(Boolean)
  return found === 'same' ? own : [found]
}
