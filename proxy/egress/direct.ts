import type { EgressConfig } from '../../src/config/service.js'
import { socketWish } from '../../src/config/socket.js'
import type { Kernel } from '../../src/kernel/kernel.js'
import { dial } from '../../src/net/dial.js'
import type { Egress } from './egress.js'

/** Dials destinations itself. */
export function direct(kernel: Kernel, config: EgressConfig): Egress {
  const wish = socketWish({ ...config })
  return {
    name: 'direct',
    async dial(destination, options) {
      options.admit(true)
      const connection = await dial(kernel, destination, { wish, ...options })
      return { connection, bound: connection.local }
    },
  }
}
