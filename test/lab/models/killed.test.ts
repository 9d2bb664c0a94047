/** `mptk apply` of every shipped example killed (-9) at each of its calls: revert leaves no trace all the same. */
import t, { type Test } from 'tap'
import type { LabHost } from '../../../mininet/lab-host.js'
import { MPTK_ENV, mptkCommand } from '../../../mininet/mptk-process.js'
import { KillingFlock } from '../../support/killing-flock.js'
import {
  CONFIG,
  install,
  mptk,
  same,
  snapshot,
  startDns,
  startModels,
  strangers,
} from '../../support/models.js'
import { scratchFolder } from '../../support/scratch.js'

/** No apply makes more calls than this. */
const MOST = 150

async function killedEverywhere(t: Test, host: LabHost, example: string, least: number): Promise<void> {
  await install(host, example)
  const before = await snapshot(host)
  const flock = new KillingFlock(scratchFolder(t))
  for (let call = 1; call <= MOST; call++) {
    flock.killAt(call)
    const run = host.spawn(mptkCommand('apply', '--config', CONFIG), { env: { ...MPTK_ENV, ...flock.env } })
    flock.victim(run.pid)
    const { exitCode, signal } = await run.exited
    if (signal === undefined) {
      t.equal(exitCode, 0, `${example}: applied: ${run.lines.at(-1) ?? ''}`)
      t.ok(call > least, `${example}: killed at each of ${call - 1} calls`)
      break
    }
    await mptk(host, 'revert')
    const after = await snapshot(host)
    if (after !== before) same(t, after, before, `${example}, call ${call}`)
  }
  await mptk(host, 'revert')
  same(t, await snapshot(host), before, `${example}: applied at last, and reverted`)
}

void t.test('apply killed at every call', { timeout: 900_000 }, async (t) => {
  const models = await startModels(t)
  const [home, proxy] = [models.lab.host('home'), models.lab.host('proxy')]
  const sites = ['www.example.org', 'shop.example.org']
  await startDns(
    models,
    sites.map((name) => [name, '10.0.3.2'] as const),
  )
  await Promise.all([strangers(home), strangers(proxy)])
  // a host each, at the same time
  await Promise.all([
    killedEverywhere(t, home, 'client', 20).then(() => killedEverywhere(t, home, 'router', 30)),
    killedEverywhere(t, proxy, 'proxy', 6).then(() => killedEverywhere(t, proxy, 'reverse', 20)),
  ])
})
