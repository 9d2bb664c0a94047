/** The far end of clients and routers, on a server that has other things to do as well: nothing of it is taken over. */
import type { HostFacts } from '../facts.js'
import type { SysctlResource } from '../resource.js'
import { firewallWarnings } from './firewall.js'
import type { HostedConfig, Setup } from './part.js'
import { READ_BUFFERS, WRITE_BUFFERS } from './sysctls.js'

export function proxySetup(config: HostedConfig, facts: HostFacts): Setup {
  return { resources: bufferCeilings(facts), notes: [], warnings: firewallWarnings(config, facts) }
}

/** Bytes: all paths of a connection share the buffer; 1 Gbit/s over paths of 250 ms is 31 MB under way. */
const CEILING = 32 * 2 ** 20

/** Only the last of the three numbers, to which the kernel tunes by itself, and never down. */
function bufferCeilings({ sysctls }: HostFacts): SysctlResource[] {
  return [READ_BUFFERS, WRITE_BUFFERS].flatMap((name) => {
    const [least, usual, most] = sysctls.get(name)?.split(' ') ?? []
    if (least === undefined || usual === undefined || most === undefined) return []
    return [
      {
        kind: 'sysctl' as const,
        name,
        value: `${least} ${usual} ${Math.max(Number(most), CEILING)}`,
        why: 'a connection over several fast, long paths may have all of them full',
      },
    ]
  })
}
