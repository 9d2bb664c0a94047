/** What is kept is what the journal says is applied here and now. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { apply } from '../../../../provisioning/apply.js'
import { epochScript, type EnginePlace } from '../../../../provisioning/engine-place.js'
import { AppliedState, isSameEpoch, promisedBy } from '../../../../provisioning/keep/applied.js'
import { revert } from '../../../../provisioning/revert.js'
import type { Resource } from '../../../../provisioning/resource.js'
import { localRunner } from '../../../../src/exec.js'
import { describing, fileDrivers, setting } from '../../../support/file-drivers.js'
import { scratchFolder } from '../../../support/scratch.js'

void t.test('from nothing to applied, at work, and back', async (t) => {
  const [folder, state] = [scratchFolder(t), join(scratchFolder(t), 'mptk')]
  const { stdout: epoch } = await localRunner.run(['sh', '-c', epochScript()])
  const place: EnginePlace = { runner: localRunner, systemd: false, state, epoch }
  const table = fileDrivers(folder)
  const options = (...resources: Parameters<typeof describing>) => ({
    ...{ table, place, config: 'test.yaml' },
    describe: describing(...resources),
  })
  const applied = new AppliedState(state, localRunner)
  t.notOk(applied.unchanged(), 'it has not been read')
  t.strictSame(await applied.read(), { state: 'nothing applied' })
  t.ok(applied.unchanged())

  writeFileSync(join(folder, 'b'), 'so already\n')
  await apply(options(setting('a', '1'), setting('b', 'so already')))
  t.notOk(applied.unchanged())
  t.match(await applied.read(), {
    state: 'applied',
    resources: [setting('a', '1'), setting('b', 'so already')],
  })
  t.ok(applied.unchanged())

  writeFileSync(join(state, 'undoing'), '')
  t.notOk(applied.unchanged(), 'a revert has begun')
  t.strictSame(await applied.read(), { state: 'apply or revert at work' })
  rmSync(join(state, 'undoing'))

  const journal = join(state, 'journal.json')
  const text = readFileSync(journal, 'utf8')
  writeFileSync(journal, text.replace('"state": "applied"', '"state": "applying"'))
  t.strictSame(await applied.read(), { state: 'apply or revert at work' })
  writeFileSync(journal, text.replace(epoch.split(' ')[0] ?? '', 'another-boot'))
  t.strictSame(await applied.read(), { state: 'nothing applied' })
  writeFileSync(journal, 'no journal')
  t.match(await applied.read(), { state: 'unreadable', why: /not a journal/ })
  writeFileSync(journal, text)

  await revert({ table, place })
  t.notOk(applied.unchanged())
  t.strictSame(await applied.read(), { state: 'nothing applied' })
})

void t.test('the same host, also for a service that does not see the first process', (t) => {
  t.ok(isSameEpoch('boot 17 net:[1]', 'boot 17 net:[1]'))
  t.ok(isSameEpoch('boot 17 net:[1]', 'boot  net:[1]'))
  t.notOk(isSameEpoch('boot 17 net:[1]', 'boot 18 net:[1]'))
  t.notOk(isSameEpoch('boot 17 net:[1]', 'boot 17 net:[2]'))
  t.notOk(isSameEpoch('boot 17 net:[1]', 'other 17 net:[1]'))
  t.notOk(isSameEpoch('boot 17 net:[1]', 'boot 17 net:[1] 5.0'), 'a named namespace')
  t.end()
})

void t.test('of uplinks, and what nobody changes by the way, nothing', (t) => {
  const rule: Resource = { kind: 'rule', why: '', family: 4, priority: 5200, table: 5208 }
  const file: Resource = { kind: 'file', why: '', path: '/x', mode: '0644', content: '' }
  const resources: Resource[] = [rule, { ...rule, priority: 5203, uplink: 'wlan' }, file]
  const journal = { version: 1, epoch: '', config: '', state: 'applied' } as const
  const steps = resources.map((resource) => ({ id: '', resource, previous: null }))
  t.strictSame(promisedBy({ ...journal, steps }), [rule])
  t.strictSame(promisedBy({ ...journal, steps: [], already: resources }), [rule])
  t.end()
})
