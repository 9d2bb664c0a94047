// measures
/** Links with delay, loss and traces: whichever emulator this kernel calls for, and linkem in any case. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Lab, readTopology } from '../../mininet/lab.js'
import type { LabHost } from '../../mininet/lab-host.js'
import { localRunner } from '../../src/exec.js'
import { until } from '../support/until.js'

const end = (node: string, address: string) => ({ node, interface: 'eth0', addresses: [address] })
const hosts = [{ name: 'left' }, { name: 'right' }]
const wire = { name: 'wire', a: end('left', '10.0.0.1/24'), b: end('right', '10.0.0.2/24') }
const pair = (link: object) => ({ name: 'pair', hosts, links: [{ ...wire, ...link }] })

const probe = ['unshare', '--net', 'tc', 'qdisc', 'add', 'dev', 'lo', 'root', 'netem', 'delay', '1ms']
const hasNetem = (await localRunner.run(probe, { reject: false })).exitCode === 0

async function start(t: Test, topology: object): Promise<{ lab: Lab; left: LabHost }> {
  const lab = await Lab.start(topology)
  t.teardown(() => lab.stop())
  return { lab, left: lab.host('left') }
}

/** Milliseconds of the fastest of a few echoes; undefined when none came back. */
async function fastest(from: LabHost, count = 4, to = '10.0.0.2'): Promise<number | undefined> {
  const argv = ['ping', '-n', '-c', String(count), '-i', '0.1', '-W', '1', to]
  const { stdout } = await from.run(argv, { reject: false })
  const times = [...stdout.matchAll(/ time=([\d.]+) ms/g)].map(([, time]) => Number(time))
  return times.length === 0 ? undefined : Math.min(...times)
}

/** Process ids of the link emulators that belong to a lab. */
async function emulatorsOf(pid: number): Promise<number[]> {
  const found: number[] = []
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    const variables = await readFile(`/proc/${entry}/environ`, 'utf8').catch(() => '')
    if (variables.split('\0').some((each) => each.startsWith(`MPTK_LAB_OWNER=mptk-lab ${pid} `))) {
      found.push(Number(entry))
    }
  }
  return found
}

void t.test('the emulator follows from what is asked of the link, and is told', async (t) => {
  const chosen = async (link: object): Promise<string | undefined> => {
    const { lab } = await start(t, pair(link))
    return lab.link('wire').emulator
  }
  t.equal(await chosen({}), 'htb')
  t.equal(await chosen({ rate: 20, queue: 50 }), 'htb')
  t.equal(await chosen({ rate: 20, delay: 5 }), hasNetem ? 'netem' : 'linkem')
  t.equal(await chosen({ rate: 20, queueBytes: 30_000 }), 'linkem')
  t.equal(await chosen({ emulator: 'linkem' }), 'linkem')
  const netem = Lab.start(pair({ delay: 5, emulator: 'netem' }))
  if (hasNetem) await (await netem).stop()
  else await t.rejects(netem, { code: 'MPTK_LAB', message: /^links\.0\.emulator: this kernel has no netem/ })
  await t.rejects(Lab.start(pair({ delay: 5, emulator: 'htb' })), {
    message: /^links\.0\.emulator: what is asked of this link needs (netem|linkem), found htb/,
  })
})

void t.test('what contradicts itself is refused by name', async (t) => {
  for (const [link, message] of [
    [{ queue: 10 }, 'links.0.queue: a link without a rate has no queue'],
    [{ rate: 10, trace: 'x' }, 'links.0: rate and trace exclude each other'],
    [{ rate: 10, loss: 1, burstLoss: { p: 1, r: 50 } }, 'links.0: loss and burstLoss exclude each other'],
    [{ delay: 5, jitter: 6 }, 'links.0.jitter: expected at most the delay of 5 ms'],
  ] as const) {
    await t.rejects(Lab.start(pair(link)), { code: 'MPTK_LAB', message })
  }
  await t.rejects(Lab.start(pair({ emulator: 'linkem', trace: '/nowhere' })), {
    code: 'MPTK_LAB',
    message: /^link wire: linkem: trace: expected .*\/nowhere/,
  })
})

for (const emulator of hasNetem ? (['netem', 'linkem'] as const) : (['linkem'] as const)) {
  void t.test(`${emulator}: delay of each direction, changed and restored`, async (t) => {
    const { lab, left } = await start(t, pair({ emulator, rate: 50, delay: 20, bToA: { delay: 60 } }))
    const link = lab.link('wire')
    const atLeast = async (milliseconds: number): Promise<void> => {
      const found = (await fastest(left)) ?? 0
      // nothing comes sooner than it may; how much later is for the emulator's own tests
      t.ok(found >= milliseconds, `${found} of ${milliseconds} ms`)
    }
    await atLeast(80)
    await link.delay(100, 0, 'aToB')
    await atLeast(160)
    await link.delay(0)
    t.ok(((await fastest(left)) ?? NaN) < 80, 'the delay is gone')
    await link.restore()
    await atLeast(80)
  })

  void t.test(`${emulator}: a black hole swallows everything and the link stays up`, async (t) => {
    const { lab, left } = await start(t, pair({ emulator, rate: 50, delay: 1, loss: 0 }))
    const link = lab.link('wire')
    await link.blackHole()
    t.equal(await fastest(left), undefined)
    t.match((await left.run(['ip', '-o', 'link', 'show', 'dev', 'eth0'])).stdout, /LOWER_UP/)
    await link.restore()
    t.ok(await fastest(left))
    const { aToB, bToA } = await link.stats()
    t.ok(aToB.dropped > 0 && aToB.delivered.packets > 0 && bToA.delivered.bytes > 0, JSON.stringify(aToB))
  })

  void t.test(`${emulator}: rate and queue are changed while running`, async (t) => {
    const { lab } = await start(t, pair({ emulator, rate: 50, delay: 1 }))
    const link = lab.link('wire')
    await link.rate(1, 'aToB')
    await link.queue(3, 'aToB')
    await lab.host('right').run(['ping', '-n', '-c', '1', '10.0.0.1'])
    // a hundred frames at once where one takes 12 ms and three may wait
    const flood = ['ping', '-n', '-q', '-f', '-c', '100', '-l', '100', '-s', '1400', '-W', '1', '10.0.0.2']
    await lab.host('left').run(flood, { reject: false })
    t.ok((await link.stats()).aToB.dropped > 50)
    t.equal((await link.stats()).bToA.dropped, 0, 'the other direction has its own')
  })
}

void t.test('a link by HTB says what it cannot do', async (t) => {
  const { lab } = await start(t, pair({ rate: 20 }))
  await t.rejects(lab.link('wire').loss(5), {
    code: 'MPTK_LAB',
    message: 'link wire: loss: a link by HTB has only rate and queue; build it with emulator linkem',
  })
  await t.rejects(lab.link('wire').set({ rate: null }), { message: /a link by HTB keeps a rate/ })
  await t.rejects(lab.link('wire').set({ delay: -1 }), { message: /^delay: expected a number of 0 to 10000/ })
})

void t.test('linkem: a trace in place of the rate, and the rate in place of the trace', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'mptk-trace-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const trace = join(folder, 'every half second.trace')
  await writeFile(trace, '500\n')
  const { lab, left } = await start(t, pair({ emulator: 'linkem', rate: 10 }))
  const link = lab.link('wire')
  await link.trace(trace, 'aToB')
  const details = (await link.stats()).aToB.delivered.packets
  const flood = ['ping', '-n', '-q', '-c', '3', '-i', '0.01', '-s', '1400', '-W', '5', '10.0.0.2']
  const before = performance.now()
  await left.run(flood)
  t.ok(performance.now() - before > 900, 'three packets take at least two steps of half a second')
  t.ok((await link.stats()).aToB.delivered.packets >= details + 3)
  await link.rate(10, 'aToB')
  t.ok(await fastest(left))
})

void t.test('linkem: down and up with addresses and routes, like any link', async (t) => {
  const lab = await Lab.start(await readTopology('thesis-paths'))
  t.teardown(() => lab.stop())
  const client = lab.host('client')
  const routes = async (): Promise<string> =>
    (await client.run(['ip', 'route', 'show', 'table', 'all'])).stdout.split('\n').sort().join('\n')
  // the kernel gives link-local addresses, and their routes, a moment after it was told that a link is up
  await until('link-local addresses', async () => {
    const { stdout } = await client.run(['ip', '-6', '-o', 'address', 'show', 'scope', 'link', '-tentative'])
    return ['wlan', 'cell'].every((name) => stdout.includes(` ${name} `)) ? undefined : stdout
  })
  const before = await routes()
  await lab.link('wlan').down()
  t.notMatch(await routes(), /10\.0\.1\.1/)
  await lab.link('wlan').up()
  await until('routes', async () => ((await routes()) === before ? undefined : 'other routes'))
  await client.run(['ping', '-n', '-c', '1', '-W', '5', '-I', '10.0.1.2', '10.0.3.2'])
  const { stdout } = await client.run(['ip', '-j', 'link', 'show', 'dev', 'cell'])
  t.match(JSON.parse(stdout), [{ mtu: 1500, operstate: /UP|UNKNOWN/ }])
})

void t.test('linkem killed: the lab ends and says which link it was', async (t) => {
  const { lab } = await start(t, pair({ emulator: 'linkem' }))
  const [emulator = 0, ...others] = await emulatorsOf(lab.pid)
  t.strictSame(others, [])
  process.kill(emulator, 'SIGKILL')
  t.match(await lab.ended, { code: 'MPTK_LAB', message: 'link wire: its emulator ended (SIGKILL)' })
})

void t.test(
  'lab.py killed: its emulators end by themselves, one that was stopped with the next lab',
  async (t) => {
    const lab = localRunner.spawn(['/usr/bin/python3', 'mininet/lab.py', '-'])
    lab.stdout.resume()
    lab.stderr.resume()
    const second = {
      ...wire,
      name: 'second',
      a: { node: 'left', interface: 'eth1' },
      b: { node: 'right', interface: 'eth1' },
    }
    const links = [wire, second].map((link) => ({ ...link, emulator: 'linkem' }))
    lab.stdin.write(`${JSON.stringify({ ...pair({}), links })}\n`)
    await until('emulators', async () => ((await emulatorsOf(lab.pid)).length === 2 ? undefined : 'not two'))
    const [stopped = 0] = await emulatorsOf(lab.pid)
    process.kill(stopped, 'SIGSTOP')
    lab.kill('SIGKILL')
    await lab.exited
    await until('the other emulator', async () =>
      (await emulatorsOf(lab.pid)).join() === String(stopped) ? undefined : 'still there',
    )
    await (await Lab.start(pair({}))).stop()
    t.strictSame(await emulatorsOf(lab.pid), [])
  },
)
