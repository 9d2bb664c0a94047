/** What makes each kind of service: its handshake, its rules and its way out. One file per kind. */
import type { RelayingConfig } from '../src/config/schema.js'
import type { Parts } from './pipeline.js'
import type { Runtime } from './runtime.js'
import { connectParts } from './connect/parts.js'
import { reverseTcpParts } from './reverse/parts.js'
import { socks5Parts } from './socks5/parts.js'
import { transparentParts } from './transparent/parts.js'

/** @param name of the service in logs and metrics @throws {MptkError} naming the key or the file */
export function partsOf(config: RelayingConfig, name: string, runtime: Runtime): Promise<Parts> {
  switch (config.type) {
    case 'socks5':
      return socks5Parts(config, name, runtime)
    case 'reverse-tcp':
      return Promise.resolve(reverseTcpParts(config, runtime))
    case 'connect':
      return connectParts(config, name, runtime)
    case 'transparent':
      return transparentParts(config, name, runtime)
  }
}
