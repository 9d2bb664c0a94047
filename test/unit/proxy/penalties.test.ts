// What wrong passwords cost a source, and who waits for whom: pure decisions.
import t from 'tap'
import { Penalties } from '../../../proxy/users/penalties.js'
import { Turns } from '../../../proxy/users/turns.js'
import { Cancel } from '../../../src/net/cancel.js'
import { sourceBlock } from '../../../src/net/source-block.js'

void t.test('penalties add up, are enforced from a sum on, and end', (t) => {
  const penalties = new Penalties()
  penalties.wrong('192.0.2.1', 0)
  penalties.wrong('192.0.2.1', 0)
  t.notOk(penalties.enforced('192.0.2.1', 0), 'two may be mistakes')
  penalties.wrong('192.0.2.1', 0)
  t.ok(penalties.enforced('192.0.2.1', 0))
  t.notOk(penalties.enforced('192.0.2.2', 0))
  t.ok(penalties.enforced('192.0.2.1', 14_999))
  t.notOk(penalties.enforced('192.0.2.1', 15_000), 'it is paid')
  penalties.wrong('192.0.2.1', 15_000)
  t.notOk(penalties.enforced('192.0.2.1', 15_000), 'and forgotten')
  for (let n = 0; n < 1000; n++) penalties.wrong('192.0.2.3', 20_000)
  t.ok(penalties.enforced('192.0.2.3', 619_999))
  t.notOk(penalties.enforced('192.0.2.3', 620_000), 'ten minutes at most')
  t.end()
})

void t.test('rare mistakes are never enforced', (t) => {
  const penalties = new Penalties()
  let enforced = 0
  for (let now = 0; now < 3_600_000; now += 5000) {
    penalties.wrong('192.0.2.1', now)
    if (penalties.enforced('192.0.2.1', now)) enforced++
  }
  t.equal(enforced, 0)
  t.end()
})

void t.test('programs of this host do not keep each other out for long', (t) => {
  const penalties = new Penalties()
  for (const block of ['127.0.0.1', '::1']) {
    for (let n = 0; n < 1000; n++) penalties.wrong(block, 0)
    t.ok(penalties.enforced(block, 19_999))
    t.notOk(penalties.enforced(block, 20_000))
  }
  t.end()
})

void t.test('guesses at a password that is known from a penalised source are few a second', (t) => {
  const penalties = new Penalties()
  const guesses = (now: number): number => {
    let allowed = 0
    for (; allowed < 1000 && penalties.mayCompare('192.0.2.1', now); allowed++) {
      penalties.guessed('192.0.2.1', now)
    }
    return allowed
  }
  t.equal(guesses(0), 1000, 'without a penalty there is no limit')
  for (let n = 0; n < 100; n++) penalties.wrong('192.0.2.1', 0)
  t.equal(guesses(0), 100)
  t.notOk(penalties.mayCompare('192.0.2.1', 0))
  t.equal(guesses(1000), 20)
  t.equal(guesses(400_000), 100)
  t.end()
})

void t.test('who counts as one source', (t) => {
  t.equal(sourceBlock('192.0.2.1'), '192.0.2.1')
  t.equal(sourceBlock('::ffff:192.0.2.1'), '192.0.2.1')
  t.equal(sourceBlock('2001:db8:0:1::1'), sourceBlock('2001:db8:0:1:ffff:ffff:ffff:ffff'))
  t.not(sourceBlock('2001:db8:0:1::1'), sourceBlock('2001:db8:0:2::1'))
  t.equal(sourceBlock('::1'), '::1')
  t.not(sourceBlock('fe80::1%eth0'), sourceBlock('fe80::2%eth0'), 'a link is no site')
  t.end()
})

/** Work that ends when the test says so. */
class Works {
  readonly begun: string[] = []
  readonly #open = new Map<string, () => void>()

  work(name: string): () => Promise<string> {
    return () => {
      this.begun.push(name)
      return new Promise((resolve) => this.#open.set(name, () => resolve(name)))
    }
  }

  async end(name: string): Promise<void> {
    this.#open.get(name)?.()
    await new Promise((resolve) => setImmediate(resolve))
  }
}

void t.test('one at a time, each source in turn', async (t) => {
  const works = new Works()
  const turns = new Turns()
  const never = new Cancel()
  const results = ['a1', 'a2', 'a3', 'b1', 'b2', 'c1'].map((name) =>
    turns.take(name.charAt(0), never, works.work(name)),
  )
  for (const name of ['a1', 'a2', 'b1', 'c1', 'a3', 'b2']) {
    t.equal(works.begun.at(-1), name)
    await works.end(name)
  }
  t.strictSame(await Promise.all(results), ['a1', 'a2', 'a3', 'b1', 'b2', 'c1'])
  t.equal(works.begun.length, 6)
})

void t.test('what is withdrawn is not begun, and what fails holds nobody up', async (t) => {
  const works = new Works()
  const turns = new Turns({ each: 2, all: 3 })
  const [never, leaving] = [new Cancel(), new Cancel()]
  let fail: () => void = () => undefined
  const failing = turns.take(
    'a',
    never,
    () => new Promise((_, reject) => (fail = () => reject(new Error('broken')))),
  )
  const left = turns.take('a', leaving, works.work('a2'))
  const a3 = turns.take('a', never, works.work('a3'))
  t.equal(await turns.take('a', never, works.work('a4')), undefined, 'two of a source wait')
  const b1 = turns.take('b', never, works.work('b1'))
  t.equal(await turns.take('c', never, works.work('c1')), undefined, 'three wait in all')
  leaving.abort(new Error('gone'))
  await t.rejects(left, { message: 'gone' })
  const c2 = turns.take('c', never, works.work('c2'))
  fail()
  await t.rejects(failing, { message: 'broken' })
  for (const name of ['a3', 'b1', 'c2']) {
    await new Promise((resolve) => setImmediate(resolve))
    t.equal(works.begun.at(-1), name)
    await works.end(name)
  }
  t.strictSame(await Promise.all([a3, b1, c2]), ['a3', 'b1', 'c2'])
  t.notOk(works.begun.includes('a2'))
  const again = turns.take('z', never, works.work('z1'))
  t.equal(works.begun.at(-1), 'z1', 'nothing is left over')
  await works.end('z1')
  t.equal(await again, 'z1')
})
