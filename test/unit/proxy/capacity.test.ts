// Connections that fit the descriptors a process may have.
import t from 'tap'
import { refusalRoom } from '../../../proxy/admission.js'
import { capacity, placeLimits, RESERVE, type ServiceWish } from '../../../proxy/capacity.js'
import { descriptorLimit, descriptorsInUse, parseDescriptorLimit } from '../../../src/descriptors.js'
import { PIPE_DESCRIPTORS } from '../../../src/net/relay.js'

const wish = (name: string, connections?: number, sockets: 1 | 2 = 2): ServiceWish => ({
  name,
  connections,
  otherwise: 32_768,
  sockets,
})

void t.test('descriptors enough: everybody gets what he asked for', (t) => {
  t.match(capacity(1_048_576, 30, [wish('a'), wish('b', 100)]), {
    connections: [32_768, 100],
    warning: undefined,
  })
  t.match(capacity(Infinity, 30, [wish('a')]), { connections: [32_768], splices: Infinity })
  t.equal(capacity(20_000, 30, [wish('a')]).warning, undefined, 'what nobody asked for is cut without a word')
  t.end()
})

void t.test('whatever the limit, what clients can take leaves the reserve', (t) => {
  for (const limit of [150, 300, 1024, 4096, 20_000, 65_536]) {
    for (const wishes of [[wish('a')], [wish('a'), wish('b', 50), wish('test', 64, 1)]]) {
      const { connections, splices } = capacity(limit, 30, wishes)
      const sockets = wishes.reduce((sum, each, index) => {
        const has = connections[index] ?? 0
        return sum + has * each.sockets + refusalRoom(has)
      }, 0)
      // rounding a service up to one place, and its few seats for the refused, may cost some of a very small limit
      const slack = limit < 300 ? 8 * wishes.length : 4
      t.ok(
        30 + sockets + splices * PIPE_DESCRIPTORS <= limit - RESERVE + slack,
        `${limit}: ${connections.join(', ')} connections, ${splices} with pipes`,
      )
      t.ok(connections.every((each) => each >= 1))
    }
  }
  t.ok((capacity(300, 30, [wish('a')]).connections[0] ?? 0) >= 60, 'and it is not wasted')
  t.strictSame(
    capacity(300, 30, [wish('a'), wish('b', 10), wish('c')]).connections.map((each) => each >= 20),
    [true, false, true],
    'who wants little has it, the others share the rest',
  )
  t.end()
})

void t.test('one warning names the limit, what came of it, and the mend', (t) => {
  const { warning } = capacity(300, 30, [wish('socks5'), wish('web', 5000)])
  t.match(
    warning,
    /^this process may open 300 files \(RLIMIT_NOFILE\), .*: socks5 \d+ instead of 32768, web \d+ instead of 5000; .*LimitNOFILE=.*ulimit -n$/,
  )
  t.end()
})

void t.test('limits that the configuration leaves out follow from the number of places', (t) => {
  const derived = placeLimits(1000, {})
  t.equal(derived.perSource('192.0.2.1'), 250)
  t.equal(derived.perSource('2001:db8::1'), 250)
  t.equal(derived.perSource('127.0.0.1'), Infinity, 'this host itself')
  t.equal(derived.perUser, 500)
  const given = placeLimits(1000, { perSource: 7, perUser: 9 })
  t.strictSame([given.perSource('127.0.0.1'), given.perSource('192.0.2.1'), given.perUser], [7, 7, 9])
  t.equal(placeLimits(1, {}).perSource('192.0.2.1'), 1)
  t.end()
})

void t.test('the limit of this process', (t) => {
  t.ok(descriptorLimit() > descriptorsInUse())
  t.ok(descriptorsInUse() >= 3)
  const text =
    'Max processes  1 2 processes\nMax open files            1024                 524288               files     \n'
  t.equal(parseDescriptorLimit(text), 1024)
  t.equal(parseDescriptorLimit(text.replace('1024  ', 'unlimited')), Infinity)
  t.throws(() => parseDescriptorLimit('nothing of the kind'))
  t.end()
})
