// Who gets a place, decided on a clock of the test's own.
import t from 'tap'
import { GRACE, Places, type Limit, type Place, type PlaceLimits } from '../../../proxy/limits.js'

function places(limits: { connections: number; perSource?: number; perUser?: number }): Places {
  const { connections, perSource = Infinity, perUser = Infinity } = limits
  return new Places({ connections, perSource: () => perSource, perUser } satisfies PlaceLimits)
}

/** Takes a place that must be free. */
function place(from: Places, address: string, now = 0, giveWay = (): void => undefined): Place {
  const taken = from.take(address, now, giveWay)
  if (typeof taken === 'string') throw new Error(`no place for ${address}: ${taken}`)
  return taken
}

const refused = (from: Places, address: string, now = 0): Limit | undefined => {
  const taken = from.take(address, now, () => undefined)
  return typeof taken === 'string' ? taken : undefined
}

void t.test('places in total and for each source', (t) => {
  const limits = places({ connections: 3, perSource: 2 })
  const a = place(limits, '10.0.0.1')
  const b = place(limits, '10.0.0.1')
  t.equal(refused(limits, '10.0.0.1'), 'perSource')
  const c = place(limits, '10.0.0.2')
  t.equal(refused(limits, '10.0.0.2'), 'connections')
  limits.release(a)
  limits.release(a)
  t.equal(limits.count, 2, 'given back once, however often it is said')
  const d = place(limits, '10.0.0.2')
  for (const each of [b, c, d]) limits.release(each)
  t.equal(limits.count, 0)
  for (const address of ['10.0.0.3', '10.0.0.3', '10.0.0.4']) place(limits, address)
  t.end()
})

void t.test('IPv6: whoever has a /64 is one source, whatever address he takes', (t) => {
  const limits = places({ connections: 10, perSource: 1 })
  place(limits, '2001:db8:1:2::1')
  t.equal(refused(limits, '2001:db8:1:2:ffff::9'), 'perSource')
  place(limits, '2001:db8:1:3::1')
  place(limits, 'fe80::1%eth0')
  place(limits, 'fe80::2%eth0')
  t.end()
})

void t.test('users count by themselves and not for their source', (t) => {
  const limits = places({ connections: 4, perSource: 1, perUser: 2 })
  const first = place(limits, '10.0.0.1')
  t.equal(limits.establish(first, 'branch'), undefined)
  const second = place(limits, '10.0.0.1')
  t.equal(limits.establish(second, 'branch'), undefined)
  const third = place(limits, '10.0.0.1')
  t.equal(limits.establish(third, 'branch'), 'perUser')
  t.equal(refused(limits, '10.0.0.1'), 'perSource', 'until it is released the refused one is its source’s')
  t.equal(limits.takeForUser('branch', 0), 'perUser')
  t.type(limits.takeForUser('other', 0), 'object', 'a crowded source is no reason to refuse him')
  limits.release(third)
  const fourth = place(limits, '10.0.0.1')
  t.equal(limits.establish(fourth, undefined), undefined)
  t.equal(refused(limits, '10.0.0.1'), 'perSource', 'nobody in particular counts for his source')
  limits.release(first)
  const fifth = place(limits, '10.0.0.2')
  t.equal(limits.establish(fifth, 'branch'), undefined)
  t.equal(limits.takeForUser('other', 0), 'connections')
  t.end()
})

void t.test(
  'who says nothing gives way when no place is free, the oldest first, not before its time',
  (t) => {
    const gone: string[] = []
    const limits = places({ connections: 3, perSource: 2 })
    place(limits, '10.0.0.1', 0, () => gone.push('a'))
    const established = place(limits, '10.0.0.1', 1, () => gone.push('b'))
    limits.establish(established, undefined)
    place(limits, '10.0.0.2', 2, () => gone.push('c'))
    t.equal(refused(limits, '10.0.0.3', GRACE - 1), 'connections', 'all of them may still speak')
    place(limits, '10.0.0.3', GRACE, () => gone.push('d'))
    t.strictSame(gone, ['a'])
    place(limits, '10.0.0.1', 2 * GRACE + 2, () => gone.push('e'))
    t.strictSame(gone, ['a', 'c'], 'whoever has done his handshake stays')
    t.equal(refused(limits, '10.0.0.1', 2 * GRACE + 2), 'perSource')
    place(limits, '10.0.0.1', 4 * GRACE, () => gone.push('f'))
    t.strictSame(gone, ['a', 'c', 'e'], 'over its own limit a source loses a place of its own')
    t.equal(limits.count, 3)
    t.end()
  },
)

void t.test('a handshake that completes after its place went to somebody else', (t) => {
  const limits = places({ connections: 1 })
  const late = place(limits, '10.0.0.1')
  const next = place(limits, '10.0.0.2', GRACE)
  t.equal(limits.establish(late, 'alice'), 'handshake')
  limits.release(late)
  t.equal(limits.count, 1, 'the place is the newcomer’s')
  limits.release(next)
  t.equal(limits.count, 0)
  t.end()
})
