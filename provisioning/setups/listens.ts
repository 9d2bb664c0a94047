/** Where the services listen, as far as it is known before they do. */
import type { Config } from '../../src/config/schema.js'
import type { ServiceResource } from '../resource.js'

export function listensOf({ services, status }: Config): ServiceResource['listens'] {
  const sockets = [
    ...services.flatMap(({ listen }) => listen),
    ...(status === undefined ? [] : [status.listen]),
  ]
  // port 0 is the kernel's choice: nobody knows it before
  return sockets.filter(({ port }) => port !== 0).map((each) => ({ protocol: 'tcp' as const, ...each }))
}
