/** Sets of prefixes and ports as nft takes them: it refuses elements that overlap. Pure. */
import { familyOf, PrefixSet } from '../../src/address.js'
import { networkOf } from '../uplinks/network.js'

/** Of one family, as networks, without those that lie in another; in the order given. */
export function distinctPrefixes(prefixes: readonly string[], family: 4 | 6): string[] {
  const whole = family === 4 ? 32 : 128
  const networks = prefixes
    .map((prefix) => {
      const [address = '', length = `${whole}`] = prefix.split('/')
      return { address, length: Number(length) }
    })
    .filter(({ address }) => familyOf(address) === family)
    .map(({ address, length }) => ({ text: networkOf(address, length), length }))
  const unique = networks.filter(
    ({ text }, index) => networks.findIndex((each) => each.text === text) === index,
  )
  return unique
    .filter(
      (inner) =>
        !unique.some(
          (outer) =>
            outer.length < inner.length && new PrefixSet([outer.text]).has(inner.text.split('/')[0] ?? ''),
        ),
    )
    .map(({ text, length }) => (length === whole ? (text.split('/')[0] ?? text) : text))
}

/** `22`, `8000-8010`: those that touch or overlap are one. */
export function distinctPorts(ranges: readonly (readonly [number, number])[]): string[] {
  const merged: [number, number][] = []
  for (const [first, last] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const previous = merged.at(-1)
    if (previous !== undefined && first <= previous[1] + 1) previous[1] = Math.max(previous[1], last)
    else merged.push([first, last])
  }
  return merged.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`))
}
