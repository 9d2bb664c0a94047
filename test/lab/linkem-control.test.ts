// The link emulator at work: every line of its protocol while packets flow, by the ordinary build and by
// one with sanitizers; what hosts see of the link; every way in which it can end.
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { z } from 'zod'
import { Link, linkem, sanitizedLinkem } from '../support/linkem.js'
import { unaccounted } from '../support/linkem-statistics.js'
import { ping } from '../support/measure.js'
import { Namespace } from '../support/netns.js'
import { twoHosts, type TwoHosts } from '../support/two-hosts.js'
import { until } from '../support/until.js'

const PROGRAMS = { linkem: linkem(), 'linkem with sanitizers': sanitizedLinkem(t.testdir()) }

const settings = z.looseObject({
  ok: z.literal(true),
  settings: z.strictObject({ 'a>b': z.looseObject({}), 'b>a': z.looseObject({}) }),
})
const show = async (link: Link) => settings.parse(await link.command('show')).settings

const counters = z.tuple([
  z.looseObject({ stats64: z.looseObject({ rx: z.looseObject({ packets: z.number() }) }) }),
])

/** Frames that the kernel of a host has had from the link. */
const received = (host: Namespace): number =>
  counters.parse(JSON.parse(host.run('ip', '-json', '-stats', 'link', 'show', 'dev', 'eth0')))[0].stats64.rx
    .packets

/**
 * Packets over the link and back while settings change: as many must come back. ping itself does not
 * wait for the last ones longer than it took the others.
 */
async function flow(t: Test, { a, toB }: TwoHosts, what: string, count = 20): Promise<void> {
  const before = received(a)
  await ping(a.prefix, '-i', '0.002', '-c', `${count}`, '-s', '1400', toB)
  await until(`${what}: ${count} packets back`, () => {
    const found = received(a) - before
    return found >= count ? undefined : `${found}`
  })
  t.equal(received(a) - before, count, what)
}

for (const [name, program] of Object.entries(PROGRAMS)) {
  await t.test(`control script: ${name}`, async (t) => {
    const hosts = await twoHosts(t, { program, args: ['--seed', '5'] })
    const { link } = hosts
    const directory = t.testdir()
    const trace = join(directory, 'a trace')
    writeFileSync(trace, '1\n2\n2\n4\n')
    const wrongTrace = join(directory, 'wrong')
    writeFileSync(wrongTrace, '4\n2\n')

    const steps: [string, object, object][] = [
      ['rate 20mbit', { rateBits: 20_000_000 }, { rateBits: 20_000_000 }],
      ['a>b rate 9.4mbit', { rateBits: 9_400_000 }, { rateBits: 20_000_000 }],
      ['b>a rate none', { rateBits: 9_400_000 }, { rateBits: null }],
      ['delay 5ms jitter 1ms normal', { delayMs: 5, jitterMs: 1, jitterModel: 'normal' }, { delayMs: 5 }],
      [
        '\tboth   delay 300us\tjitter 0  ',
        { delayMs: 0.3, jitterMs: 0, jitterModel: 'uniform' },
        { delayMs: 0.3 },
      ],
      ['a>b queue 64kb', { queueBytes: 64_000 }, { queuePackets: 1000 }],
      ['queue 50p', { queuePackets: 50 }, { queuePackets: 50 }],
      ['queue none', { queuePackets: null }, { queuePackets: null }],
      ['reorder 10% order free', { reorderPercent: 10, order: 'free' }, { reorderPercent: 10 }],
      ['reorder 0% order keep', { reorderPercent: 0, order: 'keep' }, { order: 'keep' }],
      ['overhead -14', { overheadBytes: -14 }, { overheadBytes: -14 }],
      [`trace ${trace}`, { trace }, { trace }],
      [`b>a trace ${trace}`, { trace }, { trace }],
      ['b>a trace none', { trace }, { rateBits: null }],
      ['rate 1gbit', { rateBits: 1_000_000_000 }, { rateBits: 1_000_000_000 }],
      ['loss gilbert 0% 20% 50% 0%\r', { loss: { model: 'gilbert', rPercent: 20, badPercent: 50 } }, {}],
      ['loss none', { loss: { model: 'random', percent: 0 } }, {}],
    ]
    for (const [line, ab, ba] of steps) {
      t.same(await link.command(line), { ok: true }, line)
      t.match(await show(link), { 'a>b': ab, 'b>a': ba }, `${line}: in force`)
      await flow(t, hosts, `${line}: packets pass`)
    }

    const wrong: [string | Buffer, string][] = [
      ['bogus', 'line'],
      ['', 'line'],
      ['delay -5ms', 'delay'],
      ['a>b rate -1mbit', 'rate'],
      ['delay 7ms loss 200%', 'loss'],
      ['a>b down', 'line'],
      [`trace ${wrongTrace}`, 'trace'],
      [`trace ${join(directory, 'missing')}`, 'trace'],
      [`delay ${'9'.repeat(3000)}ms`, 'line'],
      [Buffer.from([0x64, 0xff, 0xfe]), 'line'],
      [Buffer.from('delay\u00005ms'), 'line'],
      [Buffer.from('delay 5\u001b[1mms'), 'line'],
    ]
    const before = await show(link)
    for (const [line, field] of wrong) {
      const answer = await link.command(line)
      t.match(
        answer,
        { ok: false, error: { field, message: new RegExp(`^${field}: expected .*, found "`) } },
        `refused: ${field}`,
      )
    }
    t.same(await show(link), before, 'everything stays as it was')

    // as one piece: lines are what counts, not pieces
    const pieces = Array.from({ length: 100 }, (_, i) => `delay ${i}us`)
    link.process.stdin.write(
      pieces
        .map((line) => `${line}\n`)
        .slice(0, -1)
        .join(''),
    )
    const answers = await Promise.all([
      link.command('delay 99us'),
      ...pieces.slice(1).map(() => link.nextAnswer()),
    ])
    t.same(
      answers,
      pieces.map(() => ({ ok: true })),
    )

    await flow(t, hosts, 'in the end', 100)
    const stats = await link.stats()
    for (const direction of [stats['a>b'], stats['b>a']]) {
      t.equal(unaccounted(direction), 0)
      t.equal(direction.deviceDropped, 0)
      t.ok(direction.delivered.packets > 400)
    }
    t.same(await link.command('quit'), { ok: true })
    t.same(await link.exited, [0, null])
    t.equal(link.stderr, '')
  })
}

/** Whether a host sees its cable plugged in. */
const hasCarrier = (host: Namespace) =>
  host.run('ip', '-brief', 'link', 'show', 'dev', 'eth0').includes('LOWER_UP')

/** The kernel begins to send a moment after the carrier has come back, and shows that as the state UP. */
const untilUp = (host: Namespace) =>
  until('the device', () => {
    const shown = host.run('ip', '-brief', 'link', 'show', 'dev', 'eth0')
    return /^eth0 +UP /.test(shown) ? undefined : shown.trim()
  })

await t.test('down takes the carrier from both ends, up gives it back', async (t) => {
  const hosts = await twoHosts(t)
  const { a, b, link, toB } = hosts
  await flow(t, hosts, 'before')
  await link.set('down')
  t.notOk(hasCarrier(a) || hasCarrier(b))
  t.equal((await link.stats()).down, true)
  t.equal((await ping(a.prefix, '-i', '0.01', '-c', '3', '-W', '0.1', toB)).length, 0)
  await link.set('up')
  t.ok(hasCarrier(a) && hasCarrier(b))
  for (const host of [a, b]) await untilUp(host)
  await flow(t, hosts, 'after')
})

await t.test('loss 100% is a black hole: the carrier stays, and one direction is enough', async (t) => {
  const hosts = await twoHosts(t)
  const { a, b, link, toB } = hosts
  await link.set('a>b loss 100%')
  t.equal((await ping(a.prefix, '-i', '0.01', '-c', '10', '-W', '0.1', toB)).length, 0)
  t.ok(hasCarrier(a) && hasCarrier(b))
  const stats = await link.stats()
  t.equal(stats['a>b'].dropped.loss.packets, 10)
  t.equal(stats['b>a'].in.packets, 0)
  await link.set('loss none')
  await flow(t, hosts, 'after')
})

await t.test('packets for an interface that is down are counted as such', async (t) => {
  const { a, b, link, toB } = await twoHosts(t)
  b.run('ip', 'link', 'set', 'dev', 'eth0', 'down')
  await ping(a.prefix, '-i', '0.01', '-c', '5', '-W', '0.1', toB)
  t.equal((await link.stats())['a>b'].dropped.receiver.packets, 5)
})

await t.test('names, addresses and MTU are as asked, and a namespace may be given by process', async (t) => {
  const host = new Namespace(t, 'b')
  const other = spawn('unshare', ['--net', '--', 'sh', '-c', 'echo here; exec sleep 600'])
  t.teardown(() => other.kill('SIGKILL'))
  await once(other.stdout, 'data')
  const args = ['--mtu', '9000', '--a-mac', '02:00:00:00:00:0a', '--b-mac', '02:00:00:00:00:0b']
  const link = await Link.start(t, { a: `${other.pid ?? 0}`, b: host.name, device: 'wlan0', args })
  t.match(link.ready, {
    a: { name: 'wlan0', mac: '02:00:00:00:00:0a' },
    b: { name: 'wlan0', mac: '02:00:00:00:00:0b' },
    mtu: 9000,
  })
  const inOther = ['nsenter', `--target=${other.pid ?? 0}`, '--net', '--']
  execFileSync('nsenter', [...inOther.slice(1), 'ip', 'address', 'add', '10.81.3.1/24', 'dev', 'wlan0'])
  host.run('ip', 'address', 'add', '10.81.3.2/24', 'dev', 'wlan0')
  t.equal((await ping(inOther, '-c', '1', '-M', 'do', '-s', `${9000 - 28}`, '10.81.3.2')).length, 1)
})

await t.test('answers that nobody reads stop the commands, not the packets', async (t) => {
  const hosts = await twoHosts(t)
  const { link } = hosts
  link.process.stdout.pause()
  const lines = 400
  link.process.stdin.write('stats\n'.repeat(lines))
  await flow(t, hosts, 'packets pass')
  link.process.stdout.resume()
  for (let i = 0; i < lines; i++) await link.nextAnswer()
  t.same(await link.command('delay 1ms'), { ok: true })
})

await t.test('a file as standard input is obeyed to its end', (t) => {
  const host = new Namespace(t, 'a')
  const file = join(t.testdir(), 'script')
  // the last line lacks its newline
  writeFileSync(file, `${'delay 1ms\n'.repeat(300)}bogus\nrate 5mbit`)
  const input = openSync(file, 'r')
  const ends = ['--a-netns', host.name, '--a-name', 'one', '--b-netns', host.name, '--b-name', 'two']
  const { status, stdout } = spawnSync(linkem(), ends, {
    stdio: [input, 'pipe', 'inherit'],
    encoding: 'utf8',
  })
  closeSync(input)
  t.equal(status, 0)
  const answers = stdout.trimEnd().split('\n')
  t.equal(answers.length, 1 + 302)
  t.match(answers[0], '"ready"')
  t.match(answers[301], '"bogus"')
  t.equal(answers[302], '{"ok":true}')
  t.end()
})

/** Devices of a host but lo. */
const devices = (host: Namespace) =>
  z
    .array(z.looseObject({ ifname: z.string() }))
    .parse(JSON.parse(host.run('ip', '-json', 'link', 'show')))
    .map(({ ifname }) => ifname)
    .filter((name) => name !== 'lo')

await t.test('however it ends, its devices are gone', async (t) => {
  const [a, b] = [new Namespace(t, 'a'), new Namespace(t, 'b')]
  const ways: [string, (link: Link) => unknown, [number | null, string | null]][] = [
    ['end of input', (link) => link.process.stdin.end(), [0, null]],
    ['quit', (link) => link.command('quit'), [0, null]],
    ['SIGTERM', (link) => link.process.kill('SIGTERM'), [0, null]],
    ['SIGINT', (link) => link.process.kill('SIGINT'), [0, null]],
    ['SIGHUP', (link) => link.process.kill('SIGHUP'), [0, null]],
    ['SIGKILL', (link) => link.process.kill('SIGKILL'), [null, 'SIGKILL']],
    [
      'nobody reads answers',
      (link) => (link.process.stdout.destroy(), link.process.stdin.write('stats\n')),
      [0, null],
    ],
  ]
  for (const [way, end, exit] of ways) {
    const link = await Link.start(t, { a: a.name, b: b.name })
    t.same([devices(a), devices(b)], [['eth0'], ['eth0']])
    end(link)
    t.same(await link.exited, exit, way)
    // of a killed process the kernel closes the devices a moment after its parent hears of the end
    await until('devices', () => (devices(a).length + devices(b).length > 0 ? 'there' : undefined))
    t.equal(link.stderr, '', way)
  }
})

await t.test('a device that somebody removes ends the link, with the reason', async (t) => {
  const [a, b] = [new Namespace(t, 'a'), new Namespace(t, 'b')]
  const link = await Link.start(t, { a: a.name, b: b.name })
  b.run('ip', 'link', 'delete', 'eth0')
  t.same(await link.exited, [1, null])
  t.match(link.stderr, /^linkem: eth0: .*\n$/)
  t.same(devices(a), [])
})

await t.test('a name that is taken: exit code 1, the reason, nothing left behind', async (t) => {
  const [a, b] = [new Namespace(t, 'a'), new Namespace(t, 'b')]
  b.run('ip', 'link', 'add', 'eth0', 'type', 'bridge')
  await t.rejects(Link.start(t, { a: a.name, b: b.name }), /linkem: TUNSETIFF eth0: /)
  t.same([devices(a), devices(b)], [[], ['eth0']])
})

await t.test('TCP is carried in single frames, as on a wire', async (t) => {
  const { a, b, link, toB } = await twoHosts(t, { settings: ['rate 50mbit delay 5ms queue 100p'] })
  const server = spawn('ip', ['netns', 'exec', b.name, 'iperf3', '--server', '--one-off', '--forceflush'])
  t.teardown(() => server.kill('SIGKILL'))
  await once(server.stdout, 'data')
  a.run('iperf3', '--client', toB, '--bytes', '2M')
  const { in: entered, dropped } = (await link.stats())['a>b']
  t.ok(entered.packets > 500)
  t.ok(entered.bytes <= entered.packets * 1514)
  t.equal(dropped.length.packets, 0)
})
