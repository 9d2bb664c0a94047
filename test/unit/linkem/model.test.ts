// Rate, queue, delay, order and what happens when they change, to the nanosecond.
import t from 'tap'
import { unaccounted } from '../../support/linkem-statistics.js'
import { buildModel, runModel, type Delivery } from '../../support/linkem-model.js'

const program = buildModel(t.testdir())
const ms = 1_000_000
/** A frame of 1514 bytes at 20 Mbit/s, nanoseconds. */
const FRAME_AT_20 = 605_600

const times = (deliveries: readonly Delivery[]) => deliveries.map(({ at }) => at)
const numbers = (deliveries: readonly Delivery[]) => deliveries.map(({ number }) => number)

void t.test('an untouched link delivers at once, in order, each way on its own', (t) => {
  const { deliveries, ab, ba } = runModel(program, ['5 packet a 100 3', '7 packet b 60'])
  t.same(deliveries, [
    { at: 5, direction: 'a>b', number: 0, length: 100 },
    { at: 5, direction: 'a>b', number: 1, length: 100 },
    { at: 5, direction: 'a>b', number: 2, length: 100 },
    { at: 7, direction: 'b>a', number: 0, length: 60 },
  ])
  t.same(ab.in, { packets: 3, bytes: 300 })
  t.same(ab.delivered, { packets: 3, bytes: 300 })
  t.same(ba.delivered, { packets: 1, bytes: 60 })
  t.end()
})

void t.test('rate counts whole Ethernet frames, one after the other', (t) => {
  const { deliveries } = runModel(program, ['0 set rate 20mbit', '0 packet a 1514 5'])
  t.same(
    times(deliveries),
    [1, 2, 3, 4, 5].map((n) => n * FRAME_AT_20),
  )
  t.end()
})

void t.test('an idle link saves nothing up', (t) => {
  const { deliveries } = runModel(program, [
    '0 set rate 20mbit',
    '0 packet a 1514',
    '900000000 packet a 1514 2',
  ])
  t.same(times(deliveries), [FRAME_AT_20, 900 * ms + FRAME_AT_20, 900 * ms + 2 * FRAME_AT_20])
  t.end()
})

void t.test('overhead is added to what counts', (t) => {
  const { deliveries } = runModel(program, ['0 set rate 20mbit overhead -14', '0 packet a 1514 2'])
  t.same(times(deliveries), [600_000, 1_200_000])
  t.end()
})

void t.test('delay comes behind the rate, and each direction has its own', (t) => {
  const { deliveries } = runModel(program, [
    '0 set rate 20mbit delay 10ms',
    '0 set b>a rate 10mbit delay 30ms',
    '0 packet a 1514',
    '0 packet b 1514',
  ])
  t.same(times(deliveries), [FRAME_AT_20 + 10 * ms, 2 * FRAME_AT_20 + 30 * ms])
  t.end()
})

void t.test('the packet being sent goes on at a changed rate', (t) => {
  const { deliveries } = runModel(program, [
    '0 set rate 20mbit',
    '0 packet a 1514 2',
    `${FRAME_AT_20 / 2} set rate 10mbit`,
  ])
  // half at 20 Mbit/s, half at 10 Mbit/s, then a whole one at 10
  t.same(times(deliveries), [FRAME_AT_20 * 1.5, FRAME_AT_20 * 3.5])
  t.end()
})

void t.test('without a rate the queue empties at once', (t) => {
  const { deliveries } = runModel(program, ['0 set rate 1kbit', '0 packet a 1514 4', '1000 set rate none'])
  t.same(times(deliveries), [1000, 1000, 1000, 1000])
  t.same(numbers(deliveries), [0, 1, 2, 3])
  t.end()
})

void t.test('a full queue drops what comes last', (t) => {
  void t.test('packets', (t) => {
    const { deliveries, ab } = runModel(program, ['0 set rate 20mbit queue 5p', '0 packet a 1514 8'])
    t.same(numbers(deliveries), [0, 1, 2, 3, 4])
    t.same(ab.dropped.queue, { packets: 3, bytes: 3 * 1514 })
    t.same(ab.queueMax, { packets: 5, bytes: 5 * 1514 })
    t.end()
  })
  void t.test('bytes: a smaller packet still fits', (t) => {
    const { deliveries, ab } = runModel(program, [
      '0 set rate 20mbit queue 3200b',
      '0 packet a 1514 3',
      '0 packet a 100 2',
    ])
    t.same(numbers(deliveries), [0, 1, 3])
    t.same(ab.queueMax, { packets: 3, bytes: 2 * 1514 + 100 })
    t.end()
  })
  void t.test('the packet being sent has its place until it is sent', (t) => {
    const { deliveries } = runModel(program, [
      '0 set rate 20mbit queue 1p',
      '0 packet a 1514',
      `${FRAME_AT_20 - 1} packet a 1514`,
      `${FRAME_AT_20} packet a 1514`,
    ])
    t.same(numbers(deliveries), [0, 2])
    t.end()
  })
  void t.test('none: no limit', (t) => {
    const { deliveries } = runModel(program, ['0 set rate 20mbit queue none', '0 packet a 64 5000'])
    t.equal(deliveries.length, 5000)
    t.end()
  })
  t.end()
})

void t.test('a shorter delay does not let packets overtake, unless order is free', (t) => {
  const script = (order: string) => [
    `0 set delay 50ms order ${order}`,
    '0 packet a 100',
    '1 set delay 10ms',
    '1 packet a 100',
  ]
  t.same(times(runModel(program, script('keep')).deliveries), [50 * ms, 50 * ms])
  t.same(numbers(runModel(program, script('keep')).deliveries), [0, 1])
  t.same(times(runModel(program, script('free')).deliveries), [10 * ms + 1, 50 * ms])
  t.same(numbers(runModel(program, script('free')).deliveries), [1, 0])
  t.end()
})

void t.test('down loses what is on the link and what comes; up starts afresh', (t) => {
  const { deliveries, ab } = runModel(program, [
    '0 set rate 20mbit delay 10ms',
    '0 packet a 1514 3',
    `${FRAME_AT_20 + 1000} down`,
    `${5 * ms} packet a 1514`,
    `${6 * ms} up`,
    `${6 * ms} packet a 1514`,
  ])
  t.same(deliveries, [{ at: 16 * ms + FRAME_AT_20, direction: 'a>b', number: 4, length: 1514 }])
  t.equal(ab.dropped.down.packets, 4)
  t.end()
})

void t.test('what is longer than the MTU allows is dropped and counted', (t) => {
  const { deliveries, ab } = runModel(program, ['0 packet a 65539', '0 packet a 65540', '0 packet a 100'])
  t.same(numbers(deliveries), [0, 2])
  t.same(ab.dropped.length, { packets: 1, bytes: 65540 })
  t.end()
})

void t.test('a refused line changes nothing, whatever stands before the mistake', (t) => {
  const { deliveries, answers } = runModel(program, [
    '0 set rate 20mbit delay 10ms',
    '0 set delay 20ms rate -3mbit',
    '0 set rate 20mbit rate 10mbit',
    '0 packet a 1514',
  ])
  t.match(answers[1], { ok: false, error: { field: 'rate', found: '-3mbit' } })
  t.match(answers[2], { ok: false, error: { field: 'rate' } })
  t.same(times(deliveries), [FRAME_AT_20 + 10 * ms])
  t.end()
})

void t.test('every packet is accounted for, also while on the link', (t) => {
  const { answers, ab } = runModel(program, [
    '0 set rate 20mbit delay 30ms jitter 10ms normal loss 10% queue 40p reorder 5%',
    '0 packet a 1514 2000 500000',
    '1000001 stats',
  ])
  t.ok(ab.dropped.queue.packets > 0 && ab.dropped.loss.packets > 0)
  t.equal(unaccounted(ab), 0)
  t.match(answers[1], { ok: true })
  t.end()
})
