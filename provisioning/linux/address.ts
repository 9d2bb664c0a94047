/** One address of an interface. One that is there already, whoever set it, is left as it is. */
import { familyOf, plainAddress } from '../../src/address.js'
import type { AddressResource } from '../resource.js'
import { command, forgiving, script } from './commands.js'
import type { Driver } from './driver.js'

/** The same address on the interface, with every prefix length it has there. */
export type AddressState = string[]

interface Listed {
  addr_info?: { local?: string; prefixlen: number }[]
}

function split(address: string): { plain: string; length: number } {
  const [plain = '', length] = address.split('/')
  return { plain: plainAddress(plain), length: Number(length ?? (familyOf(plain) === 6 ? 128 : 32)) }
}

/** `ip -j address show dev X`; iproute2 6.1 prints empty objects for what a filter left out. */
export function parseAddresses(text: string, address: string): AddressState {
  const wanted = split(address).plain
  return (JSON.parse(text) as Listed[])
    .flatMap(({ addr_info = [] }) => addr_info)
    .filter(({ local }) => local !== undefined && plainAddress(local) === wanted)
    .map(({ prefixlen }) => `${wanted}/${prefixlen}`)
}

function canonical(address: string): string {
  const { plain, length } = split(address)
  return `${plain}/${length}`
}

/** Until duplicate address detection is done an IPv6 address cannot be bound; without carrier it is never done. */
const SETTLE = `
tries=0
while [ -n "$(ip -6 address show dev "$1" to "$2" tentative)" ] && [ "$tries" -lt 50 ]; do
  tries=$((tries + 1))
  sleep 0.1
done
if [ -n "$(ip -6 address show dev "$1" to "$2" dadfailed)" ]; then
  echo "$2 is in use by another host" >&2
  exit 1
fi
`

export const addressDriver: Driver<AddressResource, AddressState> = {
  kind: 'address',
  async probe({ runner }, { device, address }) {
    const { exitCode, stdout } = await runner.run(['ip', '-j', 'address', 'show', 'dev', device], {
      reject: false,
    })
    const found = exitCode === 0 ? parseAddresses(stdout, address) : []
    return found.length === 0 ? null : found
  },
  satisfied: (state, { address }) => state?.includes(canonical(address)) ?? false,
  conflict(state, resource) {
    // IPv4 has an address once for every prefix length, IPv6 has it once
    if (state === null || this.satisfied(state, resource) || familyOf(split(resource.address).plain) === 4)
      return undefined
    return `${resource.device} has the address already, as ${state.join(', ')}`
  },
  apply(state, resource) {
    if (this.satisfied(state, resource)) return []
    const { device, address } = resource
    const add = command('ip', 'address', 'add', address, 'dev', device)
    if (!split(address).plain.includes(':')) return [add]
    const settle = { ...script(SETTLE, [device, address]), typed: '# until nobody else was found to have it' }
    return [add, settle]
  },
  restore(state, resource) {
    if (this.satisfied(state, resource)) return []
    return [forgiving('ip', 'address', 'delete', resource.address, 'dev', resource.device)]
  },
  describe: (state, { address, device }) => ({
    from: state === null ? 'absent' : state.join(', '),
    to: `${canonical(address)} dev ${device}`,
  }),
}
