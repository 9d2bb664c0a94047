import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { apply, type ApplyOptions } from '../../../provisioning/apply.js'
import { confirm } from '../../../provisioning/confirm.js'
import { epochScript, type EnginePlace } from '../../../provisioning/engine-place.js'
import { planRevert, revert } from '../../../provisioning/revert.js'
import { status } from '../../../provisioning/status.js'
import { localRunner } from '../../../src/exec.js'
import { describing, fileDrivers, interfering, program, setting } from '../../support/file-drivers.js'
import { endWait, guardOf, setTimeLeft } from '../../support/guard.js'
import { scratchFolder } from '../../support/scratch.js'
import { until } from '../../support/until.js'

interface Bench {
  folder: string
  place: EnginePlace
  options: (...resources: Parameters<typeof describing>) => ApplyOptions
  /** Name and content of every file there is: the host. */
  host: () => Record<string, string>
}

/** Of the machine that runs the test. */
const { stdout: NOW } = await localRunner.run(['sh', '-c', epochScript()])

function bench(t: Test, drivers?: Parameters<typeof fileDrivers>[1]): Bench {
  const folder = scratchFolder(t)
  const state = join(scratchFolder(t), 'var/lib/mptk')
  const place: EnginePlace = { runner: localRunner, systemd: false, state, epoch: NOW }
  return {
    folder,
    place,
    options: (...resources) => ({
      table: fileDrivers(folder, drivers),
      place,
      config: 'test.yaml',
      describe: describing(...resources),
    }),
    host: () => filesOf(folder),
  }
}

function filesOf(folder: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8').trimEnd()]),
  )
}

/** The state folder's parents were not there either. */
function nothingLeft(t: Test, { place }: Bench): void {
  t.strictSame(readdirSync(join(place.state, '../../..')), [])
}

void t.test('apply, a second time, another description, revert', async (t) => {
  const b = bench(t)
  writeFileSync(join(b.folder, 'a'), 'old\n')
  const before = b.host()
  const plan = await apply(b.options(setting('a', 'new'), setting('b', '1')))
  t.match(plan.steps, [
    { id: 'sysctl a', from: 'old', to: 'new' },
    { id: 'sysctl b', from: 'absent', to: '1' },
  ])
  t.strictSame(b.host(), { a: 'new', b: '1' })

  const again = await apply(b.options(setting('a', 'new'), setting('b', '1')))
  t.match(again, { steps: [], obsolete: [], unchanged: 2 })

  const other = await apply(b.options(setting('a', 'newer'), setting('c', '2')))
  t.match(other, { obsolete: [{ id: 'sysctl b' }], steps: [{ id: 'sysctl a' }, { id: 'sysctl c' }] })
  t.strictSame(b.host(), { a: 'newer', c: '2' })
  t.match(await planRevert(b.options()), [
    { id: 'sysctl c', from: '2', to: 'absent' },
    { id: 'sysctl a', from: 'newer', to: 'old' },
  ])

  t.match(await revert(b.options()), [{ id: 'sysctl c' }, { id: 'sysctl a' }])
  t.strictSame(b.host(), before)
  nothingLeft(t, b)
  t.equal(await revert(b.options()), undefined)
  nothingLeft(t, b)
})

void t.test('nothing to do leaves nothing behind', async (t) => {
  const b = bench(t)
  writeFileSync(join(b.folder, 'a'), 'as wanted\n')
  t.match(await apply(b.options(setting('a', 'as wanted'))), { steps: [], unchanged: 1 })
  nothingLeft(t, b)
})

void t.test('a failing step undoes the whole apply, and no more', async (t) => {
  const b = bench(t)
  await t.rejects(apply(b.options(setting('a', '1'), setting('no/such/folder', '1'), setting('c', '1'))), {
    code: 'MPTK_APPLY',
    message: /^sysctl no\/such\/folder: .*exit code 2: .*\(everything was undone\)$/,
  })
  t.strictSame(b.host(), {})
  nothingLeft(t, b)

  await apply(b.options(setting('a', '1'), setting('b', '1')))
  await t.rejects(apply(b.options(setting('a', '2'), setting('no/such/folder', '1'))), { code: 'MPTK_APPLY' })
  t.strictSame(b.host(), { a: '1', b: '1' })
  t.match(await status(fileDrivers(b.folder), b.place), {
    state: 'applied',
    resources: [
      { id: 'sysctl a', status: 'ok' },
      { id: 'sysctl b', status: 'ok' },
    ],
  })
  await revert(b.options())
  t.strictSame(b.host(), {})
  nothingLeft(t, b)
})

void t.test('what reads back as something else undoes the apply', async (t) => {
  const b = bench(t, { deaf: 'b' })
  await t.rejects(apply(b.options(setting('a', '1'), setting('b', '1'))), {
    code: 'MPTK_APPLY',
    message: 'sysctl b: set, but reads back as something else, not 1 (everything was undone)',
  })
  t.strictSame(b.host(), {})
})

void t.test('a conflict is said before anything changes', async (t) => {
  const b = bench(t, { foreign: 'foreign' })
  writeFileSync(join(b.folder, 'b'), 'foreign\n')
  await t.rejects(apply(b.options(setting('a', '1'), setting('b', '1'))), {
    code: 'MPTK_HOST',
    message: /^sysctl b: is somebody else/,
  })
  await t.rejects(apply(b.options(setting('a', '1'), setting('a', '2'))), {
    code: 'MPTK_HOST',
    message: /twice/,
  })
  t.strictSame(b.host(), { b: 'foreign' })
  nothingLeft(t, b)
})

void t.test('an abort between two steps undoes the first', async (t) => {
  const b = bench(t)
  const stop = new AbortController()
  const progress = (line: string) => line.startsWith('sysctl b') && stop.abort(new Error('SIGINT'))
  await t.rejects(
    apply({ ...b.options(setting('a', '1'), setting('b', '1')), signal: stop.signal, progress }),
    { code: 'MPTK_APPLY', message: 'interrupted (SIGINT) (everything was undone)' },
  )
  t.strictSame(b.host(), {})
})

void t.test('one at a time', async (t) => {
  const b = bench(t)
  const runner = interfering(localRunner, 'cat >"$1" sh', async () => {
    await t.rejects(apply(b.options(setting('b', '1'))), {
      code: 'MPTK_JOURNAL',
      message: /somebody else is changing this host/,
    })
    await t.rejects(revert(b.options()), { code: 'MPTK_JOURNAL' })
  })
  await apply({ ...b.options(setting('a', '1')), place: { ...b.place, runner } })
  t.strictSame(b.host(), { a: '1' })
})

void t.test('after a reboot the kernel’s settings are planned afresh, files are kept', async (t) => {
  const b = bench(t)
  writeFileSync(join(b.folder, 'a'), 'old\n')
  const { place } = b
  await apply({ ...b.options(setting('a', '1'), program('p', '1')), place: { ...place, epoch: 'earlier' } })
  // the kernel has its own value back
  writeFileSync(join(b.folder, 'a'), 'boot\n')
  t.match(await status(fileDrivers(b.folder), place), {
    rebooted: true,
    resources: [
      { id: 'sysctl a', status: 'gone' },
      { id: 'service p', status: 'ok' },
    ],
  })
  const plan = await apply(b.options(setting('a', '1'), program('p', '1')))
  t.match(plan, { steps: [{ id: 'sysctl a', from: 'boot' }], unchanged: 1 })
  await revert(b.options())
  t.strictSame(b.host(), { a: 'boot' })
  nothingLeft(t, b)
})

void t.test(
  'what was not confirmed before a reboot is put back at boot, and not applied again',
  async (t) => {
    const b = bench(t)
    const wanted = [setting('a', '1'), program('p', '1')] as const
    await apply({ ...b.options(...wanted), place: { ...b.place, epoch: 'earlier' }, confirmWithin: 600 })
    process.kill(-Number(guardOf(b.place.state).who))
    writeFileSync(join(b.folder, 'a'), 'boot\n')
    const plan = await apply({ ...b.options(...wanted), atBoot: true })
    t.match(plan, { steps: [], notes: [/^what was not confirmed/] })
    t.strictSame(b.host(), { a: 'boot' })
    nothingLeft(t, b)
    t.match(
      await apply({ ...b.options(...wanted), atBoot: true }),
      { steps: [{}, {}] },
      'what was, is applied',
    )
  },
)

void t.test('the time to confirm begins when all is done, and each step puts the end off', async (t) => {
  const b = bench(t)
  const left: (number | undefined)[] = []
  const look = async (): Promise<void> => {
    const report = await status(fileDrivers(b.folder), b.place)
    t.match(report, { state: 'applying', guard: /^process \d+$/ })
    left.push(report?.seconds)
    // a slow step: as if it took most of the time there is
    await setTimeLeft(b.place.state, 30, guardOf(b.place.state).who)
  }
  const before = (name: string) => `cat >"$1" sh ${join(b.folder, name)}`
  const runner = interfering(interfering(localRunner, before('a'), look), before('b'), look)
  const place = { ...b.place, runner }
  await apply({ ...b.options(setting('a', '1'), setting('b', '1')), place, confirmWithin: 100 })
  t.strictSame(
    left.map((seconds) => (seconds ?? 0) > 90),
    [true, true],
    'the second step has its time again',
  )
  const report = await status(fileDrivers(b.folder), b.place)
  t.match(report, { state: 'waiting', guard: `process ${Number(guardOf(b.place.state).who)}` })
  t.ok((report?.seconds ?? 0) > 90, 'and so has whoever confirms')
  t.ok(await confirm(b.place))
  t.match(await status(fileDrivers(b.folder), b.place), { state: 'applied', guard: undefined })
  t.strictSame(
    readdirSync(b.place.state).sort(),
    ['folders', 'journal.json', 'lock', 'busy', 'undo.sh'].sort(),
  )
  await revert(b.options())
  nothingLeft(t, b)
})

void t.test('not confirmed in time', async (t) => {
  const b = bench(t)
  await apply({ ...b.options(setting('a', '1')), confirmWithin: 600 })
  await endWait(b.place.state)
  // the folders are what it removes last, the outermost at the end
  await until('the guard', () => (existsSync(join(b.place.state, '../..')) ? 'not done' : undefined))
  t.strictSame(b.host(), {})
  nothingLeft(t, b)
  t.equal(await confirm(b.place), false)
})

void t.test('a guard that is gone: told, refused, and to be confirmed or reverted by hand', async (t) => {
  for (const end of ['confirm', 'revert']) {
    const b = bench(t)
    await apply({ ...b.options(setting('a', '1')), confirmWithin: 600 })
    const pid = Number(guardOf(b.place.state).who)
    process.kill(-pid, 'SIGKILL')
    t.match(await status(fileDrivers(b.folder), b.place), {
      state: 'unguarded',
      guard: `process ${pid}`,
      seconds: undefined,
    })
    await t.rejects(apply(b.options(setting('a', '2'))), {
      code: 'MPTK_JOURNAL',
      message: `the last apply waits for mptk confirm, and nobody would undo it any more (process ${pid} is gone): confirm or revert it first`,
    })
    t.strictSame(b.host(), { a: '1' })
    if (end === 'confirm') t.ok(await confirm(b.place))
    await revert(b.options())
    t.strictSame(b.host(), {})
    nothingLeft(t, b)
  }
})

void t.test('a guard whose number somebody else has by now is not ended in its place', async (t) => {
  const b = bench(t)
  await apply({ ...b.options(setting('a', '1')), confirmWithin: 600 })
  const { who, token } = guardOf(b.place.state)
  const pid = Number(who)
  process.kill(-pid, 'SIGKILL')
  const other = localRunner.spawn(['sleep', '600'])
  t.teardown(() => other.kill('SIGKILL'))
  writeFileSync(join(b.place.state, `guard-${token}`), `process ${other.pid} 1\n`)
  t.match(await status(fileDrivers(b.folder), b.place), { state: 'unguarded' })
  t.ok(await confirm(b.place))
  t.ok(existsSync(`/proc/${other.pid}/root`), 'lives')
  await revert(b.options())
})

void t.test('revert after a reboot leaves the kernel’s settings alone', async (t) => {
  const b = bench(t)
  writeFileSync(join(b.folder, 'a'), 'old\n')
  const place = { ...b.place, epoch: 'earlier' }
  await apply({ ...b.options(setting('a', '1'), program('p', '1')), place })
  writeFileSync(join(b.folder, 'a'), 'boot\n')
  await revert(b.options())
  t.strictSame(b.host(), { a: 'boot' })
  nothingLeft(t, b)
})

void t.test('a journal that is none is an error that says what to do', async (t) => {
  const b = bench(t)
  await apply(b.options(setting('a', '1')))
  writeFileSync(join(b.place.state, 'journal.json'), '{"version":2}')
  for (const attempt of [() => apply(b.options(setting('a', '2'))), () => revert(b.options())]) {
    await t.rejects<unknown>(attempt(), {
      code: 'MPTK_JOURNAL',
      message: /journal\.json is not a journal.*undo\.sh/,
    })
  }
  t.strictSame(b.host(), { a: '1' })
})
