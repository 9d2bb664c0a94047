/** A persistent tun device, up. */
import type { TunResource } from '../resource.js'
import { command, forgiving } from './commands.js'
import type { Driver, Json } from './driver.js'

export interface TunState extends Record<string, Json> {
  /** `tun`, or what else has the name. */
  type: string
  persistent: boolean
  mtu: number
  up: boolean
}

interface Listed {
  mtu: number
  flags?: string[]
  link_type?: string
  linkinfo?: { info_kind?: string; info_data?: { type?: string; persist?: boolean } }
}

/** `ip -d -j link show dev X`. */
export function parseTun(text: string): TunState | null {
  const [link] = JSON.parse(text) as Listed[]
  if (link === undefined) return null
  const kind = link.linkinfo?.info_kind ?? link.link_type ?? 'another kind of device'
  return {
    type: kind === 'tun' ? (link.linkinfo?.info_data?.type ?? 'tun') : kind,
    persistent: link.linkinfo?.info_data?.persist === true,
    mtu: link.mtu,
    up: link.flags?.includes('UP') ?? false,
  }
}

function say({ type, persistent, mtu, up }: TunState): string {
  return `${persistent ? 'persistent ' : ''}${type}, mtu ${mtu}, ${up ? 'up' : 'down'}`
}

export const tunDriver: Driver<TunResource, TunState> = {
  kind: 'tun',
  async probe({ runner }, { device }) {
    const { exitCode, stdout } = await runner.run(['ip', '-d', '-j', 'link', 'show', 'dev', device], {
      reject: false,
    })
    return exitCode === 0 ? parseTun(stdout) : null
  },
  satisfied: (state, { mtu }) =>
    state !== null && state.type === 'tun' && state.persistent && state.mtu === mtu && state.up,
  conflict(state, resource) {
    if (state === null || this.satisfied(state, resource)) return undefined
    return `there is a device ${resource.device} of somebody else: ${say(state)}`
  },
  apply(state, resource) {
    if (this.satisfied(state, resource)) return []
    const { device, mtu } = resource
    return [
      ...(state === null ? [command('ip', 'tuntap', 'add', 'dev', device, 'mode', 'tun')] : []),
      command('ip', 'link', 'set', 'dev', device, 'mtu', `${mtu}`, 'up'),
    ]
  },
  restore: (state, { device }) => [
    state === null
      ? forgiving('ip', 'tuntap', 'delete', 'dev', device, 'mode', 'tun')
      : command('ip', 'link', 'set', 'dev', device, 'mtu', `${state.mtu}`, state.up ? 'up' : 'down'),
  ],
  describe: (state, { mtu }) => ({
    from: state === null ? 'absent' : say(state),
    to: say({ type: 'tun', persistent: true, mtu, up: true }),
  }),
}
