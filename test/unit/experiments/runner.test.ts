/** What of a run needs no lab: its early end, what the machine is and has, progress, folders. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { Experiment } from '../../../mininet/experiments/experiment.js'
import { facilitiesOf, usable } from '../../../mininet/experiments/facilities.js'
import { describeMachine } from '../../../mininet/experiments/machine.js'
import { runExperiment, type RunObserver } from '../../../mininet/experiments/runner.js'
import { runSuite } from '../../../mininet/experiments/suite.js'
import { temporaryFolder } from '../../../mininet/experiments/temporary-folder.js'
import { LabProgress } from '../../../src/cli/lab-progress.js'
import { detectKernel } from '../../../src/kernel/detect.js'

const kernel = detectKernel()
const facilities = facilitiesOf(kernel)
const silent: RunObserver = { starting: () => undefined, measured: () => undefined, failed: () => undefined }

const twoVariants: Experiment = {
  name: 'two',
  title: 'Two variants',
  description: '',
  source: '',
  topology: 'nowhere',
  repetitions: { full: 2, quick: 1 },
  variants: () => [
    { name: 'first', measure: () => Promise.reject(new Error('not to be called')) },
    { variant: 'second', reason: 'not on this machine' },
  ],
  figures: () => [],
  tables: () => [],
}

void t.test('a lab that cannot be built is the reason why nothing was measured', async (t) => {
  const failed: string[] = []
  const observer = { ...silent, failed: (_: unknown, reason: string) => failed.push(reason) }
  const signal = new AbortController().signal
  const { result, complete } = await runExperiment(twoVariants, { facilities, quick: true, signal, observer })
  t.equal(complete, false)
  t.match(result.notRun, [
    { variant: 'second', reason: 'not on this machine' },
    { variant: 'first', reason: /no topologies\/nowhere\.json/ },
  ])
  t.match(failed, [/no topologies\/nowhere\.json/])
})

void t.test('interrupted before it began: every experiment is in the result, and says so', async (t) => {
  const { result, incomplete } = await runSuite([twoVariants, { ...twoVariants, name: 'other' }], {
    kernel,
    command: 'mptk lab run two other',
    version: '0.0.0',
    quick: false,
    signal: AbortSignal.abort(new Error('SIGINT')),
    observer: silent,
  })
  t.strictSame(incomplete, ['two', 'other'])
  t.match(
    result.experiments.map(({ name, notRun }) => [name, notRun.at(-1)?.reason]),
    [
      ['two', 'interrupted'],
      ['other', 'interrupted'],
    ],
  )
  t.match(result, { command: 'mptk lab run two other', machine: { mptk: '0.0.0', links: 'none was built' } })
})

void t.test('what this kernel has can be used, what it lacks has a reason', (t) => {
  const { available } = kernel.report().congestionControls
  const named = (name: string) => facilities.congestionControls.find((each) => each.name === name)
  for (const name of available) t.strictSame(named(name), { name })
  t.ok(usable(facilities.congestionControls).includes(facilities.defaultCongestion))
  if (!available.includes('olia')) t.match(named('olia')?.reason, /no congestion control "olia"/)
  if (kernel.flavour === 'upstream') {
    t.match(facilities.schedulers.find(({ name }) => name === 'redundant')?.reason, /it has default/)
  }
  t.end()
})

void t.test('the machine tells its versions, also of what is not installed', async (t) => {
  const machine = await describeMachine('1.2.3', new Set(['linkem', 'htb']))
  t.match(machine, { mptk: '1.2.3', links: 'htb, linkem', node: process.version })
  t.ok(machine.cores > 0 && machine.memoryGiB >= 0)
  for (const found of Object.values(machine.versions))
    t.match(found, /^\d+(\.\d+)*$|^not installed$|^unknown$/)
})

void t.test('progress is a line for each measurement', (t) => {
  let text = ''
  const progress = new LabProgress({ write: (part: string) => (text += part) !== '' })
  progress.starting(twoVariants, 12)
  progress.measured('first', 0, { values: { goodputMbit: 19.12345, regainSeconds: NaN } })
  progress.measured('first', 1, { values: { goodputMbit: 20 } })
  progress.failed('second', 'failed in repetition 1: gone')
  progress.failed(undefined, 'the lab is gone')
  t.strictSame(text.split('\n'), [
    'two: Two variants, 12 measurements',
    '   1/12    0 s  first: goodputMbit 19.12, regainSeconds none',
    '   2/12    0 s  first #2: goodputMbit 20',
    '   3/12    0 s  second: failed in repetition 1: gone',
    '  failed: the lab is gone',
    '',
  ])
  t.end()
})

void t.test('folders of runs that are gone are removed, others stay', async (t) => {
  const child = spawn('true')
  await once(child, 'exit')
  const exists = (folder: string): Promise<boolean> =>
    stat(folder).then(
      () => true,
      () => false,
    )
  const gone = join(tmpdir(), `mptk-lab-${child.pid ?? 0}-gone`)
  const running = join(tmpdir(), `mptk-lab-${process.pid}-running`)
  for (const folder of [gone, running]) {
    await mkdir(folder)
    t.teardown(() => rm(folder, { recursive: true, force: true }))
  }
  const own = await temporaryFolder()
  t.teardown(() => rm(own, { recursive: true, force: true }))
  t.strictSame(await Promise.all([gone, running, own].map(exists)), [false, true, true])
})
