import t from 'tap'
import { Alarm } from '../../../mininet/perf/alarm.js'

/** Milliseconds to an instant, whole ones and fractions. */
const WAITS = Array.from({ length: 100 }, (_, i) => 1 + ((i * 0.37) % 3))

void t.test('never early', async (t) => {
  const early: number[] = []
  for (const wait of WAITS) {
    const at = performance.now() + wait
    await new Promise<void>((resolve) => new Alarm().set(at, resolve))
    const now = performance.now()
    if (now < at) early.push(at - now)
  }
  t.strictSame(early, [])
})

void t.test('an instant that is over', async (t) => {
  const warnings: Error[] = []
  const onWarning = (warning: Error): void => void warnings.push(warning)
  process.on('warning', onWarning)
  t.teardown(() => process.off('warning', onWarning))
  await new Promise<void>((resolve) => new Alarm().set(performance.now() - 100, resolve))
  t.strictSame(warnings, [])
})

void t.test('set again, and cleared', async (t) => {
  const alarm = new Alarm()
  const called: string[] = []
  alarm.set(performance.now(), () => called.push('first'))
  await new Promise<void>((resolve) => alarm.set(performance.now() + 20, resolve))
  alarm.set(performance.now(), () => called.push('cleared'))
  alarm.clear()
  await new Promise<void>((resolve) => new Alarm().set(performance.now() + 20, resolve))
  t.strictSame(called, [])
})
