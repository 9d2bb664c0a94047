/** The transparent service: the router's way of giving a LAN's TCP to the next proxy. */
import type { TransparentConfig } from '../../src/config/transparent.js'
import { errnoName, MptkError } from '../../src/errors.js'
import { native } from '../../src/native.js'
import { wayOut } from '../egress/of.js'
import type { Parts } from '../pipeline.js'
import type { Runtime } from '../runtime.js'
import { Rules } from '../rules/rules.js'
import { transparentHandshake } from './handshake.js'
import { originalDestination } from './original-destination.js'

/** @throws {MptkError} MPTK_CONFIG_FILE, MPTK_LISTEN */
export async function transparentParts(
  config: TransparentConfig,
  name: string,
  runtime: Runtime,
): Promise<Parts> {
  if (config.intercept === 'tproxy') checkPrivilege()
  return {
    handshake: transparentHandshake(originalDestination(config)),
    rules: new Rules(config.rules, { nat64: runtime.nat64, way: config.egress }),
    refusesInWords: false,
    ...(await wayOut(config, name, runtime)),
    // TPROXY hands connections for foreign addresses only to a socket that says it takes them
    ...(config.intercept === 'tproxy' && { listenerWish: { transparent: true } }),
  }
}

function checkPrivilege(): void {
  try {
    native.close(native.socket({ family: 4, protocol: 'tcp', transparent: true }))
  } catch (cause) {
    if (errnoName(cause) !== 'EPERM') throw cause
    throw new MptkError('MPTK_LISTEN', 'intercept: tproxy needs root or CAP_NET_ADMIN (EPERM)', { cause })
  }
}
