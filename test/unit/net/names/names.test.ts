// Many who want names: who shares an answer, who is refused, and when a question ends. No DNS here.
import t from 'tap'
import { Cancel, type Cancellation } from '../../../../src/net/cancel.js'
import type { Answer } from '../../../../src/net/names/answer.js'
import { Names, type Lookup } from '../../../../src/net/names/names.js'
import { PendingNames } from '../../../../src/net/names/pending-names.js'

/** Answers when the test says so. */
class Asked implements Lookup {
  readonly names: string[] = []
  readonly ended: string[] = []
  edition = '1'
  readonly #open = new Map<string, (answer: Answer) => void>()

  version(): string {
    return this.edition
  }

  lookup(name: string, _family: number, signal: Cancellation): Promise<Answer> {
    this.names.push(name)
    return new Promise((resolve, reject) => {
      this.#open.set(name, resolve)
      signal.addEventListener(
        'abort',
        () => {
          this.ended.push(name)
          reject(signal.reason)
        },
        { once: true },
      )
    })
  }

  answer(name: string, address: string, ttl = 60_000): void {
    this.#open.get(name)?.({ kind: 'found', ipv4: [address], ipv6: [], ttl })
  }

  missing(name: string): void {
    this.#open.get(name)?.({ kind: 'missing' })
  }
}

const never = new Cancel()
const from = (source: string) => ({ source })

void t.test('identical names are asked once, and the last who leaves ends the question', async (t) => {
  const asked = new Asked()
  const names = new Names(asked)
  const leaving = new Cancel()
  const first = names.resolve('a.example', 0, from('192.0.2.1'), leaving)
  const second = names.resolve('A.example', 0, from('192.0.2.2'), never)
  t.strictSame(asked.names, ['a.example'])
  leaving.abort(new Error('gone'))
  await t.rejects(first, { message: 'gone' })
  t.strictSame(asked.ended, [], 'another waits')
  asked.answer('a.example', '198.51.100.1')
  t.strictSame(await second, { addresses: ['198.51.100.1'] })

  const [one, two] = [new Cancel(), new Cancel()]
  const both = [names.resolve('b.example', 0, {}, one), names.resolve('b.example', 0, {}, two)]
  one.abort(new Error('gone'))
  two.abort(new Error('gone'))
  for (const each of both) await t.rejects(each, { message: 'gone' })
  t.strictSame(asked.ended, ['a.example', 'b.example'])
  t.equal(names.pending, 0)
  const again = names.resolve('b.example', 0, {}, never)
  t.strictSame(asked.names, ['a.example', 'b.example', 'b.example'], 'an ended question is asked anew')
  asked.answer('b.example', '198.51.100.2')
  t.strictSame(await again, { addresses: ['198.51.100.2'] })
  await t.rejects(names.resolve('a.example', 0, {}, leaving), { message: 'gone' })
})

void t.test(
  'one who asks for too many is told at once; others and the good name are not delayed',
  async (t) => {
    const asked = new Asked()
    const names = new Names(asked, new PendingNames({ each: 4, all: 100 }))
    const stop = new Cancel()
    const silent = Array.from({ length: 4 }, (_, n) =>
      names.resolve(`${n}.silent`, 0, from(`2001:db8:0:1::${n}`), stop),
    )
    t.strictSame(await names.resolve('5.silent', 0, from('2001:db8:0:1:ffff::'), never), {
      reason: 'too many names are being looked up',
    })
    const good = names.resolve('good', 0, from('2001:db8:0:2::1'), never)
    asked.answer('good', '198.51.100.1')
    t.strictSame(await good, { addresses: ['198.51.100.1'] })
    stop.abort(new Error('gone'))
    for (const each of silent) await t.rejects(each, { message: 'gone' })
    const after = names.resolve('6.silent', 0, from('2001:db8:0:1::1'), never)
    asked.missing('6.silent')
    t.strictSame(await after, { reason: 'no such name (ENOTFOUND)' }, 'the places are free again')
  },
)

void t.test('answers are kept for a short while', async (t) => {
  const asked = new Asked()
  let now = 0
  const names = new Names(asked, new PendingNames(), () => now)
  const ask = async (name: string, reply?: () => void): Promise<number> => {
    const before = asked.names.length
    const resolved = names.resolve(name, 0, {}, never)
    reply?.()
    await resolved
    return asked.names.length - before
  }
  const answer = (ttl: number) => () => asked.answer('a', '198.51.100.1', ttl)
  t.equal(await ask('a', answer(5000)), 1)
  now = 4999
  t.equal(await ask('a'), 0)
  now = 5000
  t.equal(await ask('a', answer(86_400_000)), 1, 'as long as its TTL says')
  now += 29_999
  t.equal(await ask('a'), 0)
  now += 1
  t.equal(await ask('a', answer(0)), 1, 'half a minute at most')
  t.equal(await ask('a', answer(60_000)), 1, 'a TTL of 0 is for one question')
  asked.edition = '2'
  t.equal(await ask('a', answer(0)), 1, 'another resolv.conf')
  t.equal(await ask('b', () => asked.missing('b')), 1)
  t.equal(await ask('b'), 0)
  now += 2000
  t.equal(await ask('b', () => asked.missing('b')), 1, 'that there is no such name, for two seconds')
})
