/** What this process may do. */
import { readProc } from './sysctl.js'

/** include/uapi/linux/capability.h */
const CAP_NET_ADMIN = 12n

/** May configure the network namespace it is in, as far as its user namespace reaches. */
export function mayConfigureNetwork(): boolean {
  const mask = /^CapEff:\s*([0-9a-f]+)$/m.exec(readProc('/proc/self/status') ?? '')?.[1]
  return mask !== undefined && ((BigInt(`0x${mask}`) >> CAP_NET_ADMIN) & 1n) === 1n
}
