/** The LAN's DNS server, dnsmasq: it also notes the addresses of excluded names for the firewall. */
import type { HostConfig, LanConfig } from '../../src/config/host.js'
import type { HostFacts } from '../facts.js'
import type { FileResource, ServiceResource } from '../resource.js'
import { BYPASS_SETS, ROUTER_TABLE } from './router-rules.js'
import { managed } from './service.js'

export const DNS_SERVICE = 'mptk-dns'
const FILE = '/etc/mptk/dnsmasq.conf'
const PORT = 53

export function dnsResources(host: HostConfig, facts: HostFacts): (FileResource | ServiceResource)[] {
  const { lan } = host
  const dnsmasq = facts.programs.get('dnsmasq')
  if (lan?.dns === undefined || dnsmasq === undefined) return []
  return [
    {
      kind: 'file',
      path: FILE,
      mode: '0644',
      content: dnsmasqConfig(lan, lan.dns.servers),
      why: 'names for the LAN, and which of them are excluded',
    },
    {
      kind: 'service',
      name: DNS_SERVICE,
      why: `DNS server of the LAN on ${lan.interfaces.join(', ')}`,
      // the kernel would draw a key for it that no revert can take back
      argv: [
        ...facts.mptk,
        'without-fast-open',
        '--',
        dnsmasq,
        '--keep-in-foreground',
        `--conf-file=${FILE}`,
      ],
      listens: lanAddresses(lan, facts).flatMap((address) =>
        (['udp', 'tcp'] as const).map((protocol) => ({ protocol, address, port: PORT })),
      ),
      restartOn: [FILE],
      // sets of nftables, port 53, and dropping root
      capabilities: ['CAP_NET_ADMIN', 'CAP_NET_BIND_SERVICE', 'CAP_NET_RAW', 'CAP_SETUID', 'CAP_SETGID'],
      ...managed(host),
    },
  ]
}

export function lanAddresses(lan: LanConfig, { interfaces }: Pick<HostFacts, 'interfaces'>): string[] {
  return interfaces
    .filter(({ name }) => lan.interfaces.includes(name))
    .flatMap(({ addresses }) => addresses.map(({ address }) => address))
}

function dnsmasqConfig({ interfaces, exclude }: LanConfig, servers: readonly string[]): string {
  return [
    '# made by mptk apply from host.lan; changes here are lost',
    // addresses that come and go, and none of the uplinks'
    'bind-dynamic',
    'except-interface=lo',
    ...interfaces.map((name) => `interface=${name}`),
    'no-resolv',
    ...servers.map((server) => `server=${server}`),
    'domain-needed',
    'bogus-priv',
    'cache-size=1000',
    'pid-file=',
    ...exclude.domains.map((domain) => `nftset=/${domain.replace(/^\*\./, '')}/${SETS}`),
    '',
  ].join('\n')
}

const SETS = ([4, 6] as const)
  .map((family) => `${family}#inet#${ROUTER_TABLE}#${BYPASS_SETS[family]}`)
  .join(',')
