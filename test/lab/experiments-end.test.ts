/** A run that is interrupted or killed: what of it is written, and that nothing of it stays. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { ExperimentResult, RunResult } from '../../mininet/experiments/result.js'
import { leftFolders, startLab, type LabRun } from '../support/lab-run.js'
import { run } from '../support/process.js'
import { until } from '../support/until.js'

async function startRun(t: Test, ...experiments: string[]): Promise<{ lab: LabRun; out: string }> {
  const out = await mkdtemp(join(tmpdir(), 'mptk-results-'))
  t.teardown(() => rm(out, { recursive: true, force: true }))
  return { lab: startLab(t, ['run', ...experiments, '--quick', '--out', out]), out }
}

async function results(out: string): Promise<ExperimentResult[]> {
  return (JSON.parse(await readFile(join(out, 'results.json'), 'utf8')) as RunResult).experiments
}

async function nothingLeft(t: Test, lab: LabRun): Promise<void> {
  await until('processes of the run', async () => {
    const left = await lab.processes()
    return left.length === 0 ? undefined : left.map(({ argv }) => argv.join(' ')).join('; ')
  })
  t.strictSame(await leftFolders(), [])
}

/** The next lab, as anybody would start it; it ends with its empty input. */
async function nextLab(t: Test): Promise<void> {
  const { code, stderr } = await run(t, ['lab', 'shell', 'thesis'])
  t.equal(code, 0, stderr)
}

void t.test('Ctrl-C: what was measured is written', async (t) => {
  const { lab, out } = await startRun(t, 'scheduler', 'models')
  await lab.command.stdout.find(/ 1\/\d+ .*tcp wlan: goodputMbit/)
  lab.command.signal('SIGINT')
  const { code, stdout, stderr } = await lab.command.ended
  t.equal(code, 130)
  t.match(stderr, 'mptk: not complete: scheduler, models')
  const [scheduler, models] = await results(out)
  t.match(scheduler?.samples, [{ variant: 'tcp wlan' }])
  t.equal(scheduler?.samples.length, 1)
  t.match(
    scheduler?.notRun.find(({ variant }) => variant === 'default 100 ms'),
    { reason: 'interrupted' },
  )
  t.match(models?.notRun.find(({ variant }) => variant === 'SOCKS5')?.reason, 'interrupted')
  t.match(stdout, /Not run:[^]*interrupted/)
  await nothingLeft(t, lab)
})

void t.test('a link emulator killed, then lab.py: the other experiments go on', async (t) => {
  const { lab, out } = await startRun(t, 'single', 'scheduler', 'models')
  await lab.command.stdout.find(/ 1\/\d+ .*wlan \w+: goodputMbit/)
  lab.kill(await lab.find(/\/linkem .*--a-name cell/))
  await lab.command.stdout.find(/failed: link cell: its emulator ended \(SIGKILL\)/)
  await lab.command.stdout.find(/ 1\/\d+ .*tcp wlan: goodputMbit/)
  lab.kill(await lab.find(/lab\.py -/))
  await lab.command.stdout.find(/failed: .*lab\.py ended \(SIGKILL\)/)
  const { code, stderr } = await lab.command.ended
  t.equal(code, 1)
  t.match(stderr, 'mptk: not complete: single, scheduler')
  const [single, scheduler, models] = await results(out)
  t.ok(single?.notRun.some(({ reason }) => reason === 'link cell: its emulator ended (SIGKILL)'))
  t.ok(scheduler?.notRun.some(({ reason }) => /lab\.py ended \(SIGKILL\)/.test(reason)))
  t.equal(models?.samples.length, 5, 'each way once')
  await nothingLeft(t, lab)
})

void t.test('a measuring program killed: one measurement fails, the others are made', async (t) => {
  const { lab, out } = await startRun(t, 'scheduler')
  await until('a perf client', () => lab.find(/perf client/).then(() => undefined, String))
  lab.kill(await lab.find(/perf client/))
  const { code, stdout } = await lab.command.ended
  t.equal(code, 1)
  t.match(stdout, /1\/\d+ .*tcp wlan: failed in repetition 1/)
  const [scheduler] = await results(out)
  t.match(
    scheduler?.notRun.find(({ variant }) => variant === 'tcp wlan'),
    { reason: /^failed in repetition 1: .*perf client/ },
  )
  t.strictSame(
    scheduler?.samples.map(({ variant }) => variant),
    ['default 100 ms', 'default 800 ms'],
  )
  await nothingLeft(t, lab)
})

void t.test('the command killed: its lab ends by itself', async (t) => {
  const { lab } = await startRun(t, 'single')
  await lab.command.stdout.find(/ 1\/\d+ /)
  lab.kill(lab.command.pid)
  await lab.command.ended
  await until('processes of the run', async () => ((await lab.processes()).length === 0 ? undefined : 'some'))
  await nextLab(t)
})

void t.test('the command and lab.py killed together: the next lab ends what they left', async (t) => {
  const { lab } = await startRun(t, 'single')
  await lab.command.stdout.find(/ 1\/\d+ /)
  lab.kill(await lab.find(/lab\.py -/), lab.command.pid)
  await lab.command.ended
  t.ok(
    (await lab.processes()).some(({ argv }) => argv.includes('server')),
    'the traffic server goes on',
  )
  await nextLab(t)
  t.strictSame(await lab.processes(), [])
})
