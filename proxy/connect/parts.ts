/** The HTTP proxy: users, rules, a way out, and the PAC file for those nearby. */
import { PrefixSet } from '../../src/address.js'
import { nameProblem } from '../../src/config/access.js'
import type { ConnectConfig } from '../../src/config/connect.js'
import { wayOut } from '../egress/of.js'
import type { Parts } from '../pipeline.js'
import type { Runtime } from '../runtime.js'
import { Rules } from '../rules/rules.js'
import { usersOf } from '../users/of.js'
import { connectHandshake, type OwnPages } from './handshake.js'
import { LOCAL_NETWORKS, PAC_TYPE, pacFile } from './pac.js'

/** `/wpad.dat` is what programs ask for that look for a proxy by themselves. */
const PAC_PATHS = ['/proxy.pac', '/wpad.dat']
const NEARBY = new PrefixSet(LOCAL_NETWORKS)

/** @throws {MptkError} naming the key or the file */
export async function connectParts(config: ConnectConfig, name: string, runtime: Runtime): Promise<Parts> {
  const pages: OwnPages = (client, path) => {
    const [file = ''] = path.split('?')
    if (!PAC_PATHS.includes(file) || !NEARBY.has(client.remote.address)) return undefined
    const { pac, upstreamFor } = config
    return { type: PAC_TYPE, body: pacFile({ proxy: client.local, config: pac, upstreamFor }) }
  }
  return {
    handshake: connectHandshake(await usersOf(config, runtime.passwords, nameProblem), pages),
    rules: new Rules(config.rules, { nat64: runtime.nat64, way: config.egress }),
    refusesInWords: true,
    ...(await wayOut(config, name, runtime)),
  }
}
