// What `pathManager: ndiffports` does on an upstream kernel, event by event.
import t from 'tap'
import { Ndiffports, type SubflowStep } from '../../../provisioning/uplinks/ndiffports.js'
import type { PathManagerEvent } from '../../../src/kernel/path-manager-events.js'

const TOKEN = 7
const remote = { address: '10.0.2.2', port: 443 }
const pair = (port: number) => ({ local: { address: '10.0.1.2', port }, remote })

const established: PathManagerEvent & { kind: 'established' } = {
  kind: 'established',
  token: TOKEN,
  serverSide: false,
  denyJoinInitial: false,
  ...pair(1000),
}
const joined = (port: number): PathManagerEvent => ({
  kind: 'subflow-established',
  token: TOKEN,
  ...pair(port),
})
const lost = (port: number): PathManagerEvent => ({
  kind: 'subflow-closed',
  token: TOKEN,
  error: 110,
  localId: 0,
  ...pair(port),
})
const opens = (count: number): SubflowStep => ({
  do: 'open',
  token: TOKEN,
  source: '10.0.1.2',
  remote,
  count,
})
const waits = (wait: number): SubflowStep => ({ do: 'wait', token: TOKEN, wait })

/** With all of its subflows: ports 1000, 1001, 1002. */
function complete(): Ndiffports {
  const plan = new Ndiffports(3)
  plan.take(established, 0)
  for (const port of [1001, 1002]) plan.take(joined(port), 0)
  return plan
}

void t.test('a connection gets what it lacks, and no more', (t) => {
  const plan = new Ndiffports(3)
  t.strictSame(plan.take(established, 0), opens(2))
  t.equal(plan.size, 1)
  t.equal(plan.take(joined(1001), 0), undefined)
  t.equal(plan.take(joined(1002), 0), undefined)
  t.equal(plan.due(TOKEN), undefined, 'nothing is missing')
  t.strictSame(plan.take({ kind: 'closed', token: TOKEN }, 0), { do: 'forget', token: TOKEN })
  t.equal(plan.size, 0)
  t.equal(plan.take({ kind: 'closed', token: TOKEN }, 0), undefined)
  t.equal(new Ndiffports(1).take(established, 0), undefined, 'limits may leave none to open')
  t.end()
})

void t.test('whose subflows are not ours to open', (t) => {
  const plan = new Ndiffports(3)
  for (const other of [
    { serverSide: true },
    { denyJoinInitial: true },
    { local: { address: '127.0.0.1', port: 1000 } },
    { local: { address: '::1', port: 1000 } },
  ]) {
    t.equal(plan.take({ ...established, ...other }, 0), undefined)
    t.equal(plan.take(lost(1000), 0), undefined)
  }
  t.equal(plan.size, 0)
  t.end()
})

void t.test('lost subflows are replaced after a wait, the first one too', (t) => {
  const plan = complete()
  t.strictSame(plan.take(lost(1000), 0), waits(1000))
  t.equal(plan.take(lost(1002), 10), undefined, 'one wait for all')
  t.strictSame(plan.due(TOKEN), opens(2))
  plan.take(joined(1003), 1010)
  t.strictSame(plan.take(lost(1004), 1020), waits(2000), 'one that was never established')
  t.strictSame(plan.due(TOKEN), opens(1))
  plan.take(joined(1005), 3000)
  t.strictSame(plan.take(lost(1005), 64_000), waits(1000), 'after a calm time the wait is short again')
  plan.take({ kind: 'closed', token: TOKEN }, 64_500)
  t.equal(plan.due(TOKEN), undefined, 'closed meanwhile')
  t.end()
})

void t.test('subflows that do not last are not tried for ever', (t) => {
  const plan = complete()
  let now = 0
  const found: SubflowStep[] = []
  for (let step = plan.take(lost(1002), now); step !== undefined;) {
    found.push(step)
    if (step.do !== 'wait') break
    now += step.wait
    t.strictSame(plan.due(TOKEN), opens(1))
    step = plan.refused(TOKEN, 1, now)
  }
  const times = [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]
  t.strictSame(found, [...times.map(waits), { do: 'give up', token: TOKEN, remote }])
  t.equal(plan.size, 0)
  t.equal(plan.take(lost(1001), now), undefined, 'left with what it has')
  t.end()
})

void t.test('subflows of the peer, and to its other addresses, do not count', (t) => {
  const plan = complete()
  for (const other of [
    { local: { address: '10.0.9.9', port: 5 } },
    { remote: { address: '10.0.3.3', port: 443 } },
    { remote: { address: '10.0.2.2', port: 50_000 } },
  ]) {
    t.equal(plan.take({ ...joined(2000), ...other }, 0), undefined)
    t.equal(plan.take({ ...lost(2000), ...other }, 0), undefined)
  }
  t.equal(plan.due(TOKEN), undefined, 'it has all of its own')
  t.end()
})

void t.test('what is forgotten is left alone', (t) => {
  const plan = complete()
  plan.forget(TOKEN)
  t.equal(plan.take(lost(1001), 0), undefined)
  t.equal(plan.refused(TOKEN, 1, 0), undefined)
  const all = complete()
  all.clear()
  t.equal(all.size, 0)
  t.equal(all.take(lost(1001), 0), undefined)
  t.strictSame(all.take(established, 0), opens(2), 'a new connection is managed')
  t.end()
})
