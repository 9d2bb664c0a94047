/**
 * OpenWrt 22.03 and later: procd runs the services, fw4 loads our nftables table after its own,
 * uci holds the rules that name no interface, and a hotplug script sets the rest whenever an
 * interface comes up. `ip mptcp` is in the package ip-full.
 */
import { shellWord } from '../../src/shell-quote.js'
import { commandScript } from '../command-text.js'
import { endpointDriver } from '../linux/endpoint.js'
import { limitsDriver } from '../linux/limits.js'
import { routeTableDriver } from '../linux/route-table.js'
import { ruleDriver } from '../linux/rule.js'
import type { Place } from '../linux/driver.js'
import type { Command, Description, RuleResource, ServiceResource } from '../resource.js'
import { MODULES_FILE } from '../setups/modules.js'
import { configurationFile, MADE, ofKind, type Generator, type OutputFile } from './output.js'
import { sysctlFiles } from './sysctl-d.js'
import { comment, uciValue } from './words.js'

const NFT_FOLDER = '/usr/share/nftables.d/ruleset-post'

export const openwrtFiles: Generator = (description, target) => [
  configurationFile(target),
  ...ofKind(description, 'file')
    .filter(({ path }) => path !== MODULES_FILE)
    .map(({ path, mode, content }) => ({ path, mode, content })),
  ...moduleFiles(description),
  ...sysctlFiles(description, target).filter(({ path }) => path.startsWith('/etc/sysctl.d/')),
  { path: '/etc/init.d/mptk', mode: '0755', content: initScript(ofKind(description, 'service')) },
  { path: '/etc/hotplug.d/iface/90-mptk', mode: '0755', content: hotplug(description) },
  { path: '/etc/uci-defaults/90-mptk', mode: '0755', content: uciDefaults(description) },
  ...nftFiles(description),
]

/** What its kmodloader reads, names alone. Packages bring a file like it for their own modules. */
function moduleFiles(description: Description): OutputFile[] {
  const names = ofKind(description, 'module').map(({ name }) => name)
  if (names.length === 0) return []
  return [{ path: '/etc/modules.d/90-mptk', mode: '0644', content: `${names.join('\n')}\n` }]
}

function initScript(services: readonly ServiceResource[]): string {
  const instances = services.map(
    ({ name, argv, restartOn }) => `	procd_open_instance ${shellWord(name)}
	procd_set_param command ${argv.map(shellWord).join(' ')}
${restartOn.map((path) => `	procd_set_param file ${shellWord(path)}\n`).join('')}	procd_set_param limits nofile="1048576 1048576"
	procd_set_param respawn
	procd_set_param stdout 1
	procd_set_param stderr 1
	procd_close_instance
`,
  )
  return `#!/bin/sh /etc/rc.common
${MADE}
START=95
STOP=05
USE_PROCD=1

start_service() {
${instances.join('')}}
`
}

/** Rules of interfaces are by device here and by network in uci: those stay with ip(8). */
function inUci({ inputDevice, outputDevice, uplink }: RuleResource): boolean {
  return inputDevice === undefined && outputDevice === undefined && uplink === undefined
}

/** Everything again, whichever interface came up: each command finds what it did before. */
function hotplug(description: Description): string {
  const nowhere: Place = { runner: NO_RUNNER, systemd: false, state: '/var/lib/mptk' }
  const commands: Command[] = [
    ...ofKind(description, 'limits').flatMap((each) => limitsDriver.apply(null, each, nowhere)),
    ...ofKind(description, 'route-table').flatMap((each) => routeTableDriver.apply(null, each, nowhere)),
    ...ofKind(description, 'rule')
      .filter((each) => !inUci(each))
      .flatMap((each) => [
        // a barrier stays: no moment without
        ...(each.action === undefined ? ruleDriver.restore(null, each, nowhere) : []),
        ...ruleDriver.apply(null, each, nowhere),
      ]),
    ...ofKind(description, 'endpoint').flatMap((each) => [
      ...endpointDriver.restore(null, each, nowhere),
      ...endpointDriver.apply(null, each, nowhere),
    ]),
  ]
  return `#!/bin/sh
${MADE}
case "$ACTION" in ifup | ifupdate) ;; *) exit 0 ;; esac
exec 2>/dev/null
${commands.map((each) => commandScript(each)).join('')}exit 0
`
}

const NO_RUNNER: Place['runner'] = {
  run: () => Promise.reject(new Error('nothing is run while files are generated')),
  spawn: () => {
    throw new Error('nothing is run while files are generated')
  },
}

function uciDefaults(description: Description): string {
  const rules = ofKind(description, 'rule').filter(inUci)
  const lines = rules.flatMap((rule) => {
    const section = `network.mptk_${rule.family}_${rule.priority}`
    const options = {
      src: rule.from,
      dest: rule.to,
      mark: rule.mark,
      lookup: `${rule.table}`,
      priority: `${rule.priority}`,
      suppress_prefixlength: rule.suppressDefault === true ? '0' : undefined,
    }
    return [
      `set ${section}=${rule.family === 4 ? 'rule' : 'rule6'}`,
      ...Object.entries(options).flatMap(([key, value]) =>
        value === undefined ? [] : [`set ${section}.${key}=${uciValue(`rule ${rule.priority}`, value)}`],
      ),
    ]
  })
  const batch = lines.length === 0 ? '' : `uci -q batch <<'END'\n${lines.join('\n')}\ncommit network\nEND\n`
  return `#!/bin/sh\n${MADE}\n${batch}/etc/init.d/mptk enable\nexit 0\n`
}

function nftFiles(description: Description): OutputFile[] {
  return ofKind(description, 'nft-table').map(({ family, table, body, why }) => ({
    path: `${NFT_FOLDER}/90-${table}.nft`,
    mode: '0644',
    // fw4 loads its rules again and again; it deletes only its own table
    content: `${MADE}\n# ${comment(why)}\nadd table ${family} ${table}\ndelete table ${family} ${table}\ntable ${family} ${table} {\n${body.endsWith('\n') ? body : `${body}\n`}}\n`,
  }))
}
