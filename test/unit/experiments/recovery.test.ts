import t from 'tap'
import { longestStall, recoveryOf, type Rate } from '../../../mininet/experiments/recovery.js'

/** Tenths of a second with these rates, one after another. */
const rates = (...mbit: number[]): Rate[] =>
  mbit.map((each, index) => ({ start: index / 10, end: (index + 1) / 10, mbit: each }))
const times = (count: number, mbit: number): number[] => new Array<number>(count).fill(mbit)

void t.test('an outage with a stall and a way back', (t) => {
  // 3 s at 30, path gone: 0.5 s of nothing, then 10; back at 6 s, 30 again from 7.5 s on
  const all = rates(...times(30, 30), ...times(5, 0), ...times(40, 10), ...times(40, 30))
  const { before, stall, regain } = recoveryOf(all, { from: 0, down: 3, up: 6 })
  t.equal(before.toFixed(3), '30.000')
  t.equal(stall.toFixed(3), '0.500')
  // two seconds that carry 27 on average hold 0.3 s of the old rate
  t.equal(regain?.toFixed(3), '1.200')
  t.end()
})

void t.test('never back: undefined, not the end of the test', (t) => {
  const { regain } = recoveryOf(rates(...times(30, 30), ...times(60, 10)), { from: 0, down: 3, up: 6 })
  t.equal(regain, undefined)
  t.end()
})

void t.test('back at once is 0, however the clocks lie to each other', (t) => {
  const { regain } = recoveryOf(rates(...times(90, 30)), { from: 0, down: 3, up: 6.01 })
  t.equal(regain, 0)
  t.end()
})

void t.test('one burst of what had to wait is no way back', (t) => {
  const all = rates(...times(30, 30), ...times(30, 10), 200, ...times(60, 10))
  t.equal(recoveryOf(all, { from: 0, down: 3, up: 6 }).regain, undefined)
  t.end()
})

void t.test('a stall before the outage is not its own, one that goes on beyond the end counts', (t) => {
  const all = rates(...times(10, 0), ...times(20, 30), ...times(3, 0), ...times(10, 10), ...times(7, 0))
  t.equal(recoveryOf(all, { from: 1, down: 3, up: 4 }).stall.toFixed(3), '0.700')
  t.equal(longestStall(all, 0).toFixed(3), '1.000')
  t.equal(longestStall([], 0), 0)
  t.end()
})
