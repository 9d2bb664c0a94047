// Whose names are looked up, and when there are too many: pure counting.
import t from 'tap'
import { PendingNames } from '../../../../src/net/names/pending-names.js'

/** How many of these names get a place. */
function taken(pending: PendingNames, subject: string, most: number): number {
  let count = 0
  while (count < most && pending.enter(`${subject} ${count}`, [subject])) count++
  return count
}

void t.test('each has a share, and others are not concerned', (t) => {
  const pending = new PendingNames({ each: 20, all: 1000 })
  t.equal(taken(pending, 'greedy', 100), 20)
  t.ok(pending.enter('more', ['other']))
  t.notOk(pending.enter('more', ['greedy']), 'nor a name that another has asked for')
  t.ok(pending.enter('greedy 3', ['greedy']), 'but one of its own again')
  pending.leave('greedy 3', ['greedy'])
  t.notOk(pending.enter('more', ['greedy']), 'which is still waited for')
  pending.leave('greedy 3', ['greedy'])
  t.ok(pending.enter('more', ['greedy']), 'the place is free')
  t.end()
})

void t.test('a place is charged to the source and to the user', (t) => {
  const pending = new PendingNames({ each: 10, all: 1000 })
  let count = 0
  while (count < 100 && pending.enter(`name ${count}`, [`from ${count % 5}`, 'user branch'])) count++
  t.equal(count, 10, 'one user from five sources')
  t.ok(pending.enter('x', ['from 0', 'user other']), 'the refused name took nothing')
  t.end()
})

void t.test('however many take all they can, there is room for one who wants little', (t) => {
  const pending = new PendingNames({ each: 128, all: 512 })
  const shares = Array.from({ length: 12 }, (_, n) => taken(pending, `greedy ${n}`, 1000))
  t.equal(shares[0], 128)
  t.ok(
    shares.every((share) => share >= 1),
    shares.join(),
  )
  t.ok(shares.reduce((sum, share) => sum + share) < 512, shares.join())
  t.ok(pending.enter('wanted', ['modest']))
  t.end()
})

void t.test('what the configuration names is never refused', (t) => {
  const pending = new PendingNames({ each: 2, all: 2 })
  t.ok(pending.enter('a', ['one']))
  t.ok(pending.enter('b', ['two']))
  t.notOk(pending.enter('c', ['three']), 'full')
  t.ok(pending.enter('a', ['three']), 'but this one is asked for already')
  t.ok(pending.enter('next.proxy', []))
  t.end()
})
