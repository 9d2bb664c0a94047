/** The SOCKS5 service: users, rules, and a way out. */
import { loadUsers } from '../../src/config/load.js'
import type { Socks5Config } from '../../src/config/socks5.js'
import { wayOut } from '../egress/of.js'
import type { Parts, Runtime } from '../pipeline.js'
import { Rules } from '../rules/rules.js'
import { Users } from '../users/users.js'
import { socks5Handshake } from './handshake.js'

/** @throws {MptkError} naming the key or the file */
export async function socks5Parts(config: Socks5Config, name: string, runtime: Runtime): Promise<Parts> {
  const users =
    config.users === undefined && config.usersFile === undefined
      ? undefined
      : new Users({
          ...(config.usersFile !== undefined && (await loadUsers(config.usersFile))),
          ...config.users,
        })
  return {
    handshake: socks5Handshake(users),
    rules: new Rules(config.rules),
    ...(await wayOut(config, name, runtime)),
  }
}
