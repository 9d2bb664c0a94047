// RFC 8305 §5 without a network: attempts that end when the test says so.
import t from 'tap'
import { Cancel, type Cancellation } from '../../../src/net/cancel.js'
import { interleave } from '../../../src/net/names/address-order.js'
import { MOST_BESIDE, race } from '../../../src/net/race.js'
import { until } from '../../support/until.js'

interface Won {
  candidate: string
  close(): void
}

class Attempts {
  readonly started: string[] = []
  readonly closed: string[] = []
  readonly withdrawn: string[] = []
  readonly #open = new Map<string, { win: (value: Won) => void; lose: (error: Error) => void }>()

  readonly attempt = (candidate: string, signal: Cancellation): Promise<Won> => {
    this.started.push(candidate)
    signal.addEventListener('abort', () => this.withdrawn.push(candidate), { once: true })
    return new Promise((win, lose) => this.#open.set(candidate, { win, lose }))
  }

  win(candidate: string): void {
    this.#open.get(candidate)?.win({ candidate, close: () => void this.closed.push(candidate) })
  }

  lose(candidate: string, message = candidate): void {
    this.#open.get(candidate)?.lose(new Error(message))
  }

  startedAll(...candidates: string[]): Promise<void> {
    return until(`attempts ${candidates.join(' ')}`, () =>
      this.started.join() === candidates.join() ? undefined : this.started.join(),
    )
  }
}

const never = new AbortController().signal

void t.test('one candidate is simply tried', async (t) => {
  const attempts = new Attempts()
  const result = race(['a'], never, attempts.attempt)
  attempts.win('a')
  t.match(await result, { candidate: 'a' })
  const other = new Attempts()
  const failing = race(['a'], never, other.attempt)
  other.lose('a', 'refused')
  await t.rejects(failing, { message: 'refused' })
})

void t.test('the next starts when one fails', async (t) => {
  const attempts = new Attempts()
  const result = race(['a', 'b', 'c'], never, attempts.attempt)
  t.strictSame(attempts.started, ['a'])
  attempts.lose('a')
  await attempts.startedAll('a', 'b')
  attempts.win('b')
  t.match(await result, { candidate: 'b' })
  t.strictSame(attempts.started, ['a', 'b'])
})

void t.test('the next starts when one takes long, and the first to succeed wins', async (t) => {
  const attempts = new Attempts()
  const result = race(['dead', 'alive', 'late'], never, attempts.attempt)
  await attempts.startedAll('dead', 'alive', 'late')
  attempts.win('alive')
  t.match(await result, { candidate: 'alive' })
  t.ok(attempts.withdrawn.includes('dead') && attempts.withdrawn.includes('late'), 'the others are withdrawn')
  attempts.win('dead')
  attempts.lose('late')
  await until('the late success is closed', () => (attempts.closed.length > 0 ? undefined : 'open'))
  t.strictSame(attempts.closed, ['dead'], 'the winner is not')
})

void t.test('when all fail, the error that came first tells', async (t) => {
  const attempts = new Attempts()
  const result = race(['a', 'b'], never, attempts.attempt)
  await attempts.startedAll('a', 'b')
  attempts.lose('b', 'second')
  attempts.lose('a', 'first')
  await t.rejects(result, { message: 'second' })
})

void t.test('withdrawn from outside', async (t) => {
  const outside = new AbortController()
  const attempts = new Attempts()
  const result = race(['a', 'b'], outside.signal, attempts.attempt)
  outside.abort(new Error('too late'))
  await t.rejects(result, { message: 'too late' })
  t.strictSame(attempts.withdrawn, ['a'])
  attempts.win('a')
  await until('the late success is closed', () => (attempts.closed.length > 0 ? undefined : 'open'))
  const before = new Attempts()
  await t.rejects(race(['a', 'b'], AbortSignal.abort(new Error('before')), before.attempt), {
    message: 'before',
  })
  t.strictSame(before.started, [])
})

void t.test(
  'names with many silent addresses: attempts beside others are bounded for all together',
  async (t) => {
    let open = 0
    let most = 0
    const silent = (_: string, signal: Cancellation): Promise<Won> => {
      most = Math.max(most, ++open)
      return new Promise((_resolve, reject) => {
        signal.addEventListener(
          'abort',
          () => {
            open--
            reject(signal.reason)
          },
          { once: true },
        )
      })
    }
    const races = 20
    const addresses = Array.from({ length: 6 }, (_, n) => `${n}`)
    const giveUp = new Cancel()
    let ended = 0
    const all = Array.from({ length: races }, () =>
      race(addresses, giveUp, silent).catch(() => {
        ended++
      }),
    )
    await until('more is asked for than there may be', () =>
      most === races + MOST_BESIDE ? undefined : `${most} at once`,
    )
    // by now nothing but the last address of each is left to begin
    const last = new Attempts()
    const won = race(['a', 'b'], never, last.attempt)
    await last.startedAll('a', 'b')
    t.strictSame(last.withdrawn, ['a'], 'the next comes in place of the one before')
    last.win('b')
    t.match(await won, { candidate: 'b' })
    t.ok(most <= races + MOST_BESIDE, `${most} at once`)
    giveUp.abort(new Error('enough'))
    await Promise.all(all)
    t.equal(ended, races)
    const after = new Attempts()
    const both = race(['a', 'b'], never, after.attempt)
    await after.startedAll('a', 'b')
    t.strictSame(after.withdrawn, [], 'all that was taken has been given back')
    after.win('a')
    await both
  },
)

void t.test('addresses of both families alternate', (t) => {
  t.strictSame(interleave(['1', '2', '3'], ['a']), ['1', 'a', '2', '3'])
  t.strictSame(interleave(['1'], ['a', 'b']), ['1', 'a', 'b'])
  t.strictSame(interleave([], ['a']), ['a'])
  t.end()
})
