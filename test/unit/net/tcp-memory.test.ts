import t from 'tap'
import { isTcpMemoryShort, watchTcpMemory } from '../../../src/net/tcp-memory.js'
import { until } from '../../support/until.js'

/** Linux 6.18's, without the lines of other protocols. */
const table = (press: string): string => `\
protocol  size sockets  memory press maxhdr  slab module     cl co di ac io in de sh ss gs se re bi br ha uh gp em
PACKET    1600      0      -1   NI       0   no   kernel      n  n  n  n  n  n  n  n  n  n  n  n  n  n  n  n  n  n
MPTCPv6   2064      0  188200   ${press}       0   yes  kernel      y  y  y  n  y  y  y  y  y  y  y  y  n  n  y  y  y  n
UDP       1344      0       0   NI       0   yes  kernel      y  y  y  n  y  y  y  n  y  y  y  y  n  n  y  y  y  n
TCP       2304    301  188200   ${press}     192   yes  kernel      y  y  y  y  y  y  y  y  y  y  y  y  n  y  y  y  y  y
`

void t.test('the kernel says whether it is short', (t) => {
  t.equal(isTcpMemoryShort(table('no')), false)
  t.equal(isTcpMemoryShort(table('yes')), true)
  t.equal(isTcpMemoryShort(''), false, 'it does not tell')
  t.end()
})

void t.test('every change is told, and nothing else', async (t) => {
  let looks = 0
  const told: boolean[] = []
  const states = ['no', 'yes', 'yes', 'yes', 'no', 'no', 'yes']
  const watch = watchTcpMemory((isShort) => told.push(isShort), {
    interval: 1,
    read: () => table(states[Math.min(looks++, states.length - 1)] ?? ''),
  })
  await until('the looks', () => (looks > states.length ? undefined : `${looks}`))
  watch.stop()
  t.strictSame(told, [true, false, true])
})
