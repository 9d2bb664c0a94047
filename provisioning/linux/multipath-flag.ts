/**
 * Out-of-tree kernels: whether an interface takes part in MPTCP. `ip link … multipath` is of that
 * project's iproute2. Upstream kernels take the request and ignore it, so the flags are read back.
 */
import type { MultipathFlagResource } from '../resource.js'
import { command, forgiving } from './commands.js'
import type { Driver } from './driver.js'

/** include/uapi/linux/if.h of multipath-tcp v0.9x. */
const IFF_NOMULTIPATH = 0x80000
const IFF_MPBACKUP = 0x100000

type Flag = MultipathFlagResource['value']

/** The hexadecimal flags of /sys/class/net/X/flags. */
export function parseFlags(text: string): Flag {
  const flags = Number(text.trim())
  return (flags & IFF_NOMULTIPATH) !== 0 ? 'off' : (flags & IFF_MPBACKUP) !== 0 ? 'backup' : 'on'
}

export const multipathFlagDriver: Driver<MultipathFlagResource, Flag> = {
  kind: 'multipath-flag',
  async probe({ runner }, { device }) {
    const { exitCode, stdout } = await runner.run(['cat', `/sys/class/net/${device}/flags`], {
      reject: false,
    })
    return exitCode === 0 ? parseFlags(stdout) : null
  },
  satisfied: (state, { value }) => state === value,
  apply: (state, { device, value }) =>
    state === value ? [] : [command('ip', 'link', 'set', 'dev', device, 'multipath', value)],
  // the interface may be gone by then, and its flag with it
  restore: (state, { device }) =>
    state === null ? [] : [forgiving('ip', 'link', 'set', 'dev', device, 'multipath', state)],
  describe: (state, { value }) => ({ from: state ?? 'absent', to: value }),
}
