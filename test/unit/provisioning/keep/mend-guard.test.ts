/** Mends on a simulated clock. */
import t from 'tap'
import { FIGHT, MendGuard } from '../../../../provisioning/keep/mend-guard.js'

void t.test('what is taken away now and then is set again at once', (t) => {
  const guard = new MendGuard()
  for (let now = 0; now < 1_000_000; now += 10_000) {
    t.equal(guard.wait('rule', now), 0)
    t.strictSame(guard.mended('rule', now), { fight: 'none' })
  }
  t.strictSame(guard.fighting(1_000_000), [])
  t.end()
})

/** Somebody takes it away as soon as it is back. @returns times of the mends */
function fight(guard: MendGuard, until: number, urgent: boolean): number[] {
  const times: number[] = []
  for (let now = 0; now < until; now += 100) {
    if (guard.wait('rule', now, urgent) > 0) continue
    guard.mended('rule', now)
    times.push(now)
  }
  return times
}

void t.test('a fight is named once, and waits grow to half a minute', (t) => {
  const guard = new MendGuard()
  const outcomes = Array.from({ length: FIGHT.mends }, (_, n) => guard.mended('rule', n * 100).fight)
  t.strictSame(outcomes.slice(-2), ['none', 'begins'])
  t.equal(guard.wait('rule', 900), 1000)
  t.equal(guard.wait('rule', 1900), 0)
  t.strictSame(guard.mended('rule', 1900), { fight: 'goes on', wait: 2000 })
  t.strictSame(guard.fighting(2000), ['rule'])
  t.equal(guard.wait('other', 2000), 0, 'of others nothing is known')

  const times = fight(new MendGuard(), 600_000, false)
  t.ok(times.length < 40, `${times.length} mends in ten minutes`)
  t.equal((times.at(-1) ?? 0) - (times.at(-2) ?? 0), 30_000)
  t.end()
})

void t.test('what closes a way is set again every second, however it is fought for', (t) => {
  const times = fight(new MendGuard(), 60_000, true)
  t.ok(times.every((time, index) => index === 0 || time - (times[index - 1] ?? 0) <= 1000))
  t.end()
})

void t.test('peace is believed after a minute', (t) => {
  const guard = new MendGuard()
  for (let n = 0; n < FIGHT.mends + 3; n++) guard.mended('rule', n * 5000)
  const last = (FIGHT.mends + 2) * 5000
  t.strictSame(guard.fighting(last + 59_000), ['rule'])
  t.strictSame(guard.fighting(last + 61_000), [])
  t.strictSame(guard.mended('rule', last + 120_000), { fight: 'none' })
  t.equal(guard.wait('rule', last + 120_000), 0)
  t.end()
})

void t.test('what fails is tried again after ever longer waits, and told once', (t) => {
  const guard = new MendGuard()
  let now = 5000
  const told: boolean[] = []
  const waits: number[] = []
  for (let n = 0; n < 8; n++) {
    const { wait, news } = guard.failed('table', 'no nft', now)
    t.equal(guard.wait('table', now, true), wait)
    told.push(news)
    waits.push(wait)
    now += wait
  }
  t.strictSame(waits, [200, 400, 800, 1600, 3200, 6400, 10_000, 10_000])
  t.strictSame(told.filter(Boolean).length, 1)
  t.ok(guard.failed('table', 'another reason', now).news)
  t.strictSame(guard.failing(), [{ id: 'table', since: 5000, error: 'another reason' }])
  guard.fine('table')
  t.strictSame(guard.failing(), [])
  t.equal(guard.wait('table', now), 0)
  guard.failed('table', 'no nft', now)
  guard.mended('table', now)
  t.strictSame(guard.failing(), [], 'a mend that succeeds ends it too')
  t.end()
})
