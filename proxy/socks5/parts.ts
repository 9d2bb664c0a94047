/** The SOCKS5 service: users, rules, and a way out. */
import type { Socks5Config } from '../../src/config/socks5.js'
import { wayOut } from '../egress/of.js'
import type { Parts } from '../pipeline.js'
import type { Runtime } from '../runtime.js'
import { Rules } from '../rules/rules.js'
import { usersOf } from '../users/of.js'
import { wrongPort } from './wrong-port.js'
import { socks5Handshake } from './handshake.js'

/** @throws {MptkError} naming the key or the file */
export async function socks5Parts(config: Socks5Config, name: string, runtime: Runtime): Promise<Parts> {
  return {
    handshake: socks5Handshake(await usersOf(config, runtime.passwords), (client) =>
      wrongPort(client, runtime),
    ),
    rules: new Rules(config.rules, { nat64: runtime.nat64, way: config.egress }),
    refusesInWords: true,
    ...(await wayOut(config, name, runtime)),
  }
}
