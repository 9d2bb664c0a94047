/**
 * mptk revert killed at every command with which it changes a host leaves no trace all the same, and
 * an apply goes on after a killed one. Apply killed everywhere: models/killed.test.ts.
 */
import t, { type Test } from 'tap'
import { KillingFlock } from '../../support/killing-flock.js'
import { ProvisionedHost } from '../../support/provisioned-host.js'
import { scratchFolder } from '../../support/scratch.js'
import type { Ended } from '../../support/process.js'

/** No command makes more calls than this. */
const MOST = 100

async function killed(
  host: ProvisionedHost,
  flock: KillingFlock,
  command: string,
  call: number,
): Promise<Ended> {
  flock.killAt(call)
  const run = host.start(host.args(command), flock.env)
  flock.victim(run.pid)
  return run.ended
}

/** Kills at the first call, the second, … until the command gets to its end. */
async function atEveryCall(
  t: Test,
  host: ProvisionedHost,
  command: string,
  look: (call: number) => Promise<void>,
): Promise<number> {
  const flock = new KillingFlock(scratchFolder(t))
  for (let call = 1; call <= MOST; call++) {
    const { signal, code, stderr } = await killed(host, flock, command, call)
    if (signal === null) {
      t.equal(code, 0, stderr)
      return call - 1
    }
    await look(call)
  }
  throw new Error(`${command} makes more than ${MOST} calls`)
}

void t.test('revert killed at every call', async (t) => {
  const host = new ProvisionedHost(t)
  const before = await host.snapshot()
  await host.mptk('apply')
  const calls = await atEveryCall(t, host, 'revert', async (call) => {
    const { code, stderr } = await host.mptk('revert')
    t.equal(code, 0, `revert after call ${call}: ${stderr}`)
    t.strictSame(await host.changedSince(before), [], `call ${call}`)
    t.equal((await host.mptk('apply')).code, 0)
  })
  t.ok(calls > 3, `${calls} calls`)
  t.strictSame(await host.changedSince(before), [])
})

void t.test('an apply after a killed one begins with what was before', async (t) => {
  const host = new ProvisionedHost(t)
  const before = await host.snapshot()
  const flock = new KillingFlock(scratchFolder(t))
  t.equal((await killed(host, flock, 'apply', 12)).signal, 'SIGKILL')
  t.match(await host.mptk('status'), { code: 1, stdout: /^interrupted/ })
  const again = await host.mptk('apply')
  t.match(again, { code: 0, stdout: /^an earlier run was interrupted/ }, again.stderr)
  t.match(await host.mptk('status'), { code: 0 })
  t.equal((await host.mptk('revert')).code, 0)
  t.strictSame(await host.changedSince(before), [])
})
