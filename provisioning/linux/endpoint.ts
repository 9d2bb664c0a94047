/**
 * An endpoint of the in-kernel path manager (upstream). Its id is ours, whatever address it
 * holds: uplinks change theirs. The kernel drops flags that it does not know, so they are read back.
 */
import { plainAddress } from '../../src/address.js'
import type { Command, EndpointResource } from '../resource.js'
import { command, forgiving } from './commands.js'
import type { Driver, Json } from './driver.js'

export interface EndpointFound extends Record<string, Json> {
  id: number
  address: string
  device: string | null
  port: number | null
  /** Sorted. */
  flags: string[]
}
/** What holds our id, and what holds our address under another one. */
export interface EndpointState extends Record<string, Json> {
  at: EndpointFound | null
  elsewhere: EndpointFound | null
}

const FLAGS = ['signal', 'subflow', 'backup', 'fullmesh', 'implicit', 'laminar']
/** `endpoint change` can set and clear these while connections go on. */
const CHANGEABLE = ['backup', 'fullmesh']

interface Listed extends Record<string, unknown> {
  id: number
  address: string
  dev?: string
  port?: number
}

/** `ip -j mptcp endpoint show`: flags are keys with the value true. */
export function parseEndpoints(text: string): EndpointFound[] {
  if (text.trim() === '') return []
  return (JSON.parse(text) as Listed[]).map((each) => ({
    id: each.id,
    address: plainAddress(each.address),
    device: each.dev ?? null,
    port: each.port ?? null,
    flags: FLAGS.filter((flag) => each[flag] === true).sort(),
  }))
}

function wantedOf({ id, address, device, port, flags }: EndpointResource): EndpointFound {
  return {
    id,
    address: plainAddress(address),
    device: device ?? null,
    port: port ?? null,
    flags: [...flags].sort(),
  }
}

function samePlace(a: EndpointFound, b: EndpointFound): boolean {
  return a.address === b.address && a.port === b.port && a.device === b.device
}

function differences(a: readonly string[], b: readonly string[]): string[] {
  return [...a.filter((flag) => !b.includes(flag)), ...b.filter((flag) => !a.includes(flag))]
}

function add({ id, address, device, port, flags }: EndpointFound): Command {
  return command(
    ...['ip', 'mptcp', 'endpoint', 'add', address, 'id', `${id}`],
    ...(device === null ? [] : ['dev', device]),
    ...(port === null ? [] : ['port', `${port}`]),
    ...flags.filter((flag) => flag !== 'implicit'),
  )
}

function say({ id, address, device, port, flags }: EndpointFound): string {
  const where = `${address}${port === null ? '' : ` port ${port}`}${device === null ? '' : ` dev ${device}`}`
  return `${where} id ${id}${flags.map((flag) => ` ${flag}`).join('')}`
}

export const endpointDriver: Driver<EndpointResource, EndpointState> = {
  kind: 'endpoint',
  async probe({ runner }, resource) {
    const all = parseEndpoints((await runner.run(['ip', '-j', 'mptcp', 'endpoint', 'show'])).stdout)
    const wanted = wantedOf(resource)
    const at = all.find(({ id }) => id === wanted.id) ?? null
    const elsewhere =
      all.find(
        ({ id, address, port }) => id !== wanted.id && address === wanted.address && port === wanted.port,
      ) ?? null
    return at === null && elsewhere === null ? null : { at, elsewhere }
  },
  satisfied(state, resource) {
    const wanted = wantedOf(resource)
    const at = state?.at ?? null
    return at !== null && samePlace(at, wanted) && differences(at.flags, wanted.flags).length === 0
  },
  conflict(state, resource) {
    if (state === null || this.satisfied(state, resource)) return undefined
    // the kernel makes implicit ones by itself and lets them be replaced
    const other = [state.elsewhere, state.at].find(
      (each) => each !== null && !each.flags.includes('implicit'),
    )
    return other === undefined || other === null
      ? undefined
      : `there is an MPTCP endpoint of somebody else: ${say(other)}`
  },
  apply(state, resource) {
    if (this.satisfied(state, resource)) return []
    const wanted = wantedOf(resource)
    const at = state?.at ?? null
    if (at !== null && samePlace(at, wanted)) {
      const changes = differences(at.flags, wanted.flags)
      if (changes.every((flag) => CHANGEABLE.includes(flag))) {
        // whichever is not named is cleared
        const words = CHANGEABLE.map((flag) => (wanted.flags.includes(flag) ? flag : `no${flag}`))
        return [command('ip', 'mptcp', 'endpoint', 'change', 'id', `${wanted.id}`, ...words)]
      }
    }
    const inTheWay = [at, state?.elsewhere ?? null].filter((each) => each !== null)
    return [
      ...inTheWay.map(({ id }) => command('ip', 'mptcp', 'endpoint', 'delete', 'id', `${id}`)),
      add(wanted),
    ]
  },
  restore(state, { id }) {
    const commands = [forgiving('ip', 'mptcp', 'endpoint', 'delete', 'id', `${id}`)]
    // an implicit one comes back by itself when the kernel needs it
    const at = state?.at ?? null
    return at === null || at.flags.includes('implicit') ? commands : [...commands, add(at)]
  },
  describe: (state, resource) => {
    const at = state?.at ?? null
    return { from: at === null ? 'absent' : say(at), to: say(wantedOf(resource)) }
  },
}
