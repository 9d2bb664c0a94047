// A log that a crowd cannot fill, on a clock of the test's own.
import { mock } from 'node:test'
import t from 'tap'
import { BURST_INTERVAL, BurstLog } from '../../src/burst-log.js'

void t.test('the first of a kind at once, then how many more, then quiet', (t) => {
  mock.timers.enable({ apis: ['setInterval'] })
  t.teardown(() => mock.timers.reset())
  const lines: string[] = []
  const log = new BurstLog<string>((what, more) => lines.push(more === undefined ? what : `${what} +${more}`))
  for (let n = 1; n <= 1000; n++) log.add('a', `a${n}`)
  log.add('b', 'b1')
  t.strictSame(lines.splice(0), ['a1', 'b1'])
  mock.timers.tick(BURST_INTERVAL)
  t.strictSame(lines.splice(0), ['a1000 +999'], 'nothing of what happened once')
  log.add('a', 'a1001')
  log.add('b', 'b2')
  t.strictSame(lines.splice(0), ['b2'], 'the burst of a goes on, that of b was over')
  mock.timers.tick(BURST_INTERVAL)
  t.strictSame(lines.splice(0), ['a1001 +1'])
  mock.timers.tick(BURST_INTERVAL)
  log.add('a', 'a1002')
  t.strictSame(lines.splice(0), ['a1002'], 'after a quiet interval the next is a first again')
  log.add('a', 'a1003')
  log.close()
  t.strictSame(lines.splice(0), ['a1003 +1'], 'nothing counted is lost at the end')
  mock.timers.tick(5 * BURST_INTERVAL)
  t.strictSame(lines, [])
  t.end()
})
