/** Two listeners of a configuration must not want the same port. */
import type { z } from 'zod'
import { familyOf, formatAddress, plainAddress, type SocketAddress } from '../address.js'

interface Listening {
  services: readonly { listen: readonly SocketAddress[]; reusePort?: boolean | undefined }[]
  status?: { listen: SocketAddress } | undefined
}

interface Place {
  keys: (string | number)[]
  at: SocketAddress
  /** Which service's; `[::]` leaves IPv4 to another listener of its own service. */
  owner: number
  shares: boolean
}

export function checkPorts(value: Listening, context: z.core.$RefinementCtx): void {
  const places = listeners(value)
  places.forEach((place, index) => {
    const other = places.slice(0, index).find((each) => clash(each, place))
    if (other === undefined) return
    context.addIssue({
      code: 'custom',
      path: place.keys,
      message: `expected a port of its own, found ${formatAddress(place.at)}, which ${nameOf(other.keys)} takes (${formatAddress(other.at)})`,
    })
  })
}

function listeners({ services, status }: Listening): Place[] {
  const ofServices = services.flatMap(({ listen, reusePort }, owner) =>
    listen.map((at, index): Place => {
      const keys = ['services', owner, 'listen', ...(listen.length > 1 ? [index] : [])]
      return { keys, at, owner, shares: reusePort === true }
    }),
  )
  if (status === undefined) return ofServices
  return [...ofServices, { keys: ['status', 'listen'], at: status.listen, owner: -1, shares: false }]
}

const nameOf = ([first = '', owner, ...rest]: Place['keys']): string => {
  if (typeof owner === 'string') return `${first}.${owner}`
  const [key, index] = rest
  return `${first}[${owner}].${key}${index === undefined ? '' : `[${index}]`}`
}

function clash(a: Place, b: Place): boolean {
  if (a.at.port !== b.at.port || a.at.port === 0 || (a.shares && b.shares)) return false
  const [one, two] = [plainAddress(a.at.address), plainAddress(b.at.address)]
  if (one === two) return true
  const sameFamily = familyOf(one) === familyOf(two)
  if (!sameFamily && a.owner === b.owner) return false
  // `[::]` takes IPv4 as well
  return [one, two].some((each) => each === '::' || (each === '0.0.0.0' && sameFamily))
}
