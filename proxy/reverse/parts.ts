/** The TCP reverse proxy: targets chosen by the administrator, whom no rules bind. */
import { formatAddress } from '../../src/address.js'
import type { ReverseTcpConfig } from '../../src/config/reverse-tcp.js'
import { direct } from '../egress/direct.js'
import type { Parts } from '../pipeline.js'
import type { Runtime } from '../runtime.js'
import type { Handshake } from '../request.js'
import { announced } from './announced.js'
import { tlsServerName } from './client-hello.js'
import { fixedTarget, targetBySite } from './handshake.js'
import { httpHost } from './http-host.js'
import { encodeProxyV1, encodeProxyV2 } from './proxy-protocol.js'
import { Sites } from './site-name.js'

const NO_RULES: Parts['rules'] = { admit: () => undefined, allows: () => true }
const PROTOCOLS = { sni: tlsServerName, host: httpHost }
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

function chooser({ choose, sites, target }: ReverseTcpConfig): Handshake {
  if (choose !== undefined && sites !== undefined) {
    return targetBySite(PROTOCOLS[choose], new Sites(sites), target)
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
