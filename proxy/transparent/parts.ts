/** The transparent service: the router's way of giving a LAN's TCP to the next proxy. */
import type { TransparentConfig } from '../../src/config/transparent.js'
import { wayOut } from '../egress/of.js'
import type { Parts, Runtime } from '../pipeline.js'
import { Rules } from '../rules/rules.js'
import { transparentHandshake } from './handshake.js'
import { originalDestination } from './original-destination.js'

/** @throws {MptkError} MPTK_CONFIG_FILE */
export async function transparentParts(
  config: TransparentConfig,
  name: string,
  runtime: Runtime,
): Promise<Parts> {
  return {
    handshake: transparentHandshake(originalDestination(config)),
    rules: new Rules(config.rules),
    ...(await wayOut(config, name, runtime)),
    // TPROXY hands connections for foreign addresses only to a socket that says it takes them
    ...(config.intercept === 'tproxy' && { listenerWish: { transparent: true } }),
  }
}
