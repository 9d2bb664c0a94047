/** The TCP reverse proxy: a target chosen by the administrator, whom no rules bind. */
import { formatAddress } from '../../src/address.js'
import type { ReverseTcpConfig } from '../../src/config/reverse-tcp.js'
import { direct } from '../egress/direct.js'
import type { Parts, Runtime } from '../pipeline.js'
import { fixedTarget } from './handshake.js'

const NO_RULES: Parts['rules'] = { admit: () => undefined, allows: () => true }

export function reverseTcpParts(config: ReverseTcpConfig, { kernel }: Runtime): Parts {
  return {
    handshake: fixedTarget(config.target),
    rules: NO_RULES,
    // status says where connections go rather than how
    egress: { ...direct(kernel, config.egress), name: formatAddress(config.target) },
  }
}
