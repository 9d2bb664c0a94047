import t from 'tap'
import { beyond, watchHeldMemory, type HeldRelay } from '../../../src/net/held-memory.js'
import { until } from '../../support/until.js'

class Held implements HeldRelay {
  readonly said: boolean[] = []
  constructor(
    readonly source: string,
    public bytes: number,
  ) {}

  held(): number {
    return this.bytes
  }

  hurry(hurried: boolean): void {
    this.said.push(hurried)
  }
}

void t.test('each source may hold so much, and its largest are chosen first', (t) => {
  const [small, large, middle] = [new Held('a', 10), new Held('a', 90), new Held('a', 50)]
  const other = new Held('b', 100)
  const moving = new Held('a', 0)
  const all = [small, large, middle, other, moving]
  t.strictSame([...beyond(all, 150)], [], 'exactly as much is not too much')
  t.strictSame([...beyond(all, 149)], [large])
  t.strictSame([...beyond(all, 59)], [large, middle, other])
  t.strictSame([...beyond(all, 0)].length, 4, 'who moves is never chosen')
  t.end()
})

void t.test('whoever is chosen is hurried once, and let be when it holds less', async (t) => {
  const held = new Held('a', 10)
  let sweeps = 0
  const relays = (): HeldRelay[] => {
    if (++sweeps === 4) held.bytes = 5
    return [held]
  }
  const watch = watchHeldMemory(relays, { most: 5, interval: 1 })
  await until('the sweeps', () => (sweeps > 6 ? undefined : `${sweeps}`))
  watch.stop()
  t.strictSame(held.said, [true, false])
})
