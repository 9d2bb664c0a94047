/** The TCP reverse proxy: targets chosen by the administrator, whom no rules bind. */
import { formatAddress } from '../../src/address.js'
import type { ReverseTcpConfig } from '../../src/config/reverse-tcp.js'
import { direct } from '../egress/direct.js'
import type { Parts } from '../pipeline.js'
import type { Runtime } from '../runtime.js'
import type { Handshake } from '../request.js'
import { announced } from './announced.js'
import { fixedTarget, targetByServerName } from './handshake.js'
import { targetByHost } from './http-sites.js'
import { encodeProxyV1, encodeProxyV2 } from './proxy-protocol.js'
import { Sites } from './site-name.js'

const NO_RULES: Parts['rules'] = { admit: () => undefined, allows: () => true }
const HEADERS = { v1: encodeProxyV1, v2: encodeProxyV2 }

export function reverseTcpParts(config: ReverseTcpConfig, { kernel }: Runtime): Parts {
  const handshake = chooser(config)
  const { proxyProtocol } = config
  return {
    handshake: proxyProtocol === undefined ? handshake : announced(handshake, HEADERS[proxyProtocol]),
    rules: NO_RULES,
    refusesInWords: config.choose === 'host',
    // status says where connections go rather than how
    egress: { ...direct(kernel, config.egress), name: targets(config) },
  }
}

function chooser({ choose, sites, target, proxyProtocol }: ReverseTcpConfig): Handshake {
  if (choose !== undefined && sites !== undefined) {
    const table = new Sites(sites)
    return choose === 'sni'
      ? targetByServerName(table, target)
      : // the PROXY protocol's second version has a place for a name
        targetByHost(table, target, proxyProtocol === 'v2')
  }
  if (target === undefined) throw new Error('neither target nor sites')
  return fixedTarget(target)
}

/** `10.0.3.3:80`, or `2 sites by sni, others 10.0.3.3:80`. */
function targets({ choose, sites, target }: ReverseTcpConfig): string {
  const fixed = target === undefined ? undefined : formatAddress(target)
  if (choose === undefined || sites === undefined) return fixed ?? ''
  const count = Object.keys(sites).length
  return `${count} ${count === 1 ? 'site' : 'sites'} by ${choose}, others ${fixed ?? 'refused'}`
}
