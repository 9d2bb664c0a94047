import t from 'tap'
import { ConnectionLimits } from '../../../proxy/limits.js'

void t.test('places in total and for each source', (t) => {
  const limits = new ConnectionLimits({ connections: 3, perSource: 2 })
  t.equal(limits.take('a'), undefined)
  t.equal(limits.take('a'), undefined)
  t.equal(limits.take('a'), 'perSource')
  t.equal(limits.take('b'), undefined)
  t.equal(limits.take('b'), 'connections')
  t.equal(limits.take('a'), 'connections', 'the total is asked first')
  limits.release('a')
  t.equal(limits.take('b'), undefined, "a place given back is anybody's")
  limits.release('b')
  limits.release('b')
  limits.release('a')
  for (const source of ['c', 'c', 'd']) t.equal(limits.take(source), undefined, 'everything was given back')
  t.end()
})
