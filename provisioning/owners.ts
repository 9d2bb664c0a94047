/**
 * Others who set the same things as we do, found by their processes in this network namespace:
 * named in the plan with what they would do to it and what to do about them.
 */
import type { Runner } from '../src/exec.js'
import type { Owner } from './facts.js'

interface Known {
  /** `comm` of its process: the first 15 characters of the program's name. */
  process: string
  name: string
  /** Prints its version. */
  version?: readonly string[]
  /** @param version numbers as `[1, 42]`, empty when unknown */
  concern: (version: readonly number[]) => string
}

const KNOWN: readonly Known[] = [
  {
    process: 'NetworkManager',
    name: 'NetworkManager',
    version: ['NetworkManager', '--version'],
    concern: (version) =>
      version.length === 0 || !isBefore(version, [1, 40])
        ? 'sets MPTCP endpoints for its connections itself, without fullmesh and roles: leave them to one of the two, nmcli connection modify NAME connection.mptcp-flags disabled'
        : 'sets addresses and default routes; these are read from it and left alone',
  },
  {
    process: 'mptcpd',
    name: 'mptcpd',
    version: ['mptcpd', '--version'],
    concern: () =>
      'adds an endpoint for every address it sees, and opens subflows where path_manager is userspace: systemctl disable --now mptcp',
  },
  {
    process: 'systemd-network',
    name: 'systemd-networkd',
    concern: () =>
      'removes routing rules and routes that it did not make when it starts or an interface changes: ManageForeignRoutingPolicyRules=no and ManageForeignRoutes=no in /etc/systemd/networkd.conf',
  },
  {
    process: 'firewalld',
    name: 'firewalld',
    concern: () =>
      'opens listeners and lets forwarded traffic through only as told, and its rejection counts beside our table: firewall-cmd --permanent --add-port=PORT/tcp; firewall-cmd --permanent --zone=trusted --add-interface=LAN',
  },
  {
    process: 'netifd',
    name: 'OpenWrt netifd',
    concern: () =>
      'sets addresses, routes and rules from /etc/config/network, and MPTCP endpoints for interfaces with option multipath: leave that option out',
  },
  {
    process: 'omr-tracker',
    name: 'OpenMPTCProuter',
    concern: () => 'sets endpoints, routing tables and redirection itself: use one of the two',
  },
  {
    process: 'dockerd',
    name: 'Docker',
    concern: () =>
      'sets the policy of the iptables FORWARD chain to drop, also for the LAN: iptables -I DOCKER-USER -i LAN -j ACCEPT and iptables -I DOCKER-USER -o LAN -j ACCEPT',
  },
  {
    process: 'connmand',
    name: 'ConnMan',
    concern: () =>
      'changes default routes when its order of services changes; these are read from it and left alone',
  },
]

function isBefore(version: readonly number[], other: readonly number[]): boolean {
  for (const [index, wanted] of other.entries()) {
    const found = version[index] ?? 0
    if (found !== wanted) return found < wanted
  }
  return false
}

/** @throws {MptkError} MPTK_EXEC */
export async function readOwners(runner: Runner): Promise<Owner[]> {
  const processes = await processesHere(runner)
  const found = await Promise.all(
    KNOWN.filter(({ process }) => processes.has(process)).map((known) => ownerOf(runner, known)),
  )
  const ufw = await readUfw(runner)
  return [...found, ...ufw]
}

async function ownerOf(runner: Runner, { name, version, concern }: Known): Promise<Owner> {
  const text = version === undefined ? '' : await firstLine(runner, version)
  const numbers = /\d+(?:\.\d+)+/.exec(text)?.[0].split('.').slice(0, 2) ?? []
  return { name: [name, numbers.join('.')].filter(Boolean).join(' '), concern: concern(numbers.map(Number)) }
}

async function firstLine(runner: Runner, argv: readonly string[]): Promise<string> {
  const { stdout } = await runner.run(['sh', '-c', '"$@" 2>/dev/null || true', 'sh', ...argv])
  return stdout.split('\n', 1)[0] ?? ''
}

/**
 * `comm` of the processes in this network namespace: of others there may be any number on the
 * same machine. One `ls` for all links, since a process each would take seconds.
 */
async function processesHere(runner: Runner): Promise<ReadonlySet<string>> {
  const { stdout } = await runner.run([
    'sh',
    '-c',
    'ls -ld /proc/[0-9]*/ns/net /proc/self/ns/net 2>/dev/null; echo; for file in /proc/[0-9]*/comm; do read -r name <"$file" && echo "$file $name"; done 2>/dev/null; true',
  ])
  const links = new Map(
    [...stdout.matchAll(/\/proc\/(\w+)\/ns\/net -> (\S+)$/gm)].map(([, pid = '', net]) => [pid, net]),
  )
  const here = links.get('self')
  const names = [...stdout.matchAll(/^\/proc\/(\d+)\/comm (.*)$/gm)]
  // whose link may not be read counts as here: better an owner too many than one unseen
  return new Set(
    names.filter(([, pid = '']) => (links.get(pid) ?? here) === here).map(([, , name = '']) => name),
  )
}

/** Not a process but a script at boot: it says in its file whether it is on. */
async function readUfw(runner: Runner): Promise<Owner[]> {
  const { exitCode } = await runner.run(['grep', '-qs', '^ENABLED=yes', '/etc/ufw/ufw.conf'], {
    reject: false,
  })
  if (exitCode !== 0) return []
  return [
    {
      name: 'ufw',
      concern:
        'drops what comes in or is forwarded unless told, and its rejection counts beside our table: ufw allow PORT/tcp; ufw route allow in on LAN',
    },
  ]
}
