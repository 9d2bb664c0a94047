/** The command line of `mptk perf`: options, output, exit codes, signals. */
import t, { type Test } from 'tap'
import { LabProcess } from '../../../mininet/lab-process.js'
import { localRunner } from '../../../src/exec.js'
import { detectKernel } from '../../../src/kernel/detect.js'
import { until } from '../../support/until.js'
import { CLEAN, mptk, startPerfServer, type PerfJson } from '../../support/perf-command.js'

const run = (...words: string[]) =>
  localRunner.run(mptk('perf', ...words), { ...CLEAN, reject: false, timeout: 300_000 })

void t.test('options that are refused, each in one line', async (t) => {
  const client = ['client', '127.0.0.1']
  const cases: [string[], RegExp][] = [
    [[], /expected perf server or perf client/],
    [['client'], /Not enough non-option arguments/],
    [[...client, '--colour', 'red'], /unknown option --colour: see mptk perf --help/],
    [[...client, '-p', '0'], /--port: expected a whole number from 1 to 65535, found "0"/],
    [[...client, '-P', '200'], /--parallel: expected a whole number from 1 to 128, found "200"/],
    [[...client, '-P', '1.5'], /--parallel: expected a whole number/],
    [[...client, '-t', 'soon'], /--time: expected a number from 0\.1 to 86400, found "soon"/],
    [[...client, '-n', '5X'], /--bytes: expected bytes as .*, found "5X"/],
    [[...client, '-l', '2M'], /--length: expected bytes/],
    [[...client, '-i', '0'], /--interval: expected a number from 0\.1/],
    [[...client, '-t', '5', '-n', '5M'], /expected --time or --bytes, found both/],
    [[...client, '-R', '--bidir'], /expected --reverse or --bidir, found both/],
    [[...client, '-O', '1', '-n', '5M'], /expected --omit or --bytes, found both/],
    [[...client, '--latency', 'often'], /Invalid values: .*latency/],
    [[...client, '--latency', 'idle', '-R'], /--latency idle has no bulk streams/],
    [[...client, '--latency', 'idle', '-n', '1M'], /expected --bytes or --latency idle/],
    [[...client, '--latency-interval', 'x'], /--latency-interval: expected a number/],
    [[...client, '-B', 'wlan'], /--source: expected an IP address of this host, found "wlan"/],
    [[...client, '-C', 'a b'], /--congestion: expected a name/],
    [[...client, '--transport', 'udp'], /Invalid values: .*transport/],
    [[...client, '--through', 'nowhere'], /expected host:port/],
    [[...client, '--username', 'alice'], /username/],
    [['client', 'no such host'], /expected a host name/],
    [['server', '--listen', 'localhost:1'], /expected an IP address with a port/],
    [['server', '--max-clients', '0'], /--max-clients: expected a whole number/],
  ]
  await Promise.all(
    cases.map(async ([words, message]) => {
      const { exitCode, stderr, stdout } = await run(...words)
      t.match(stderr, message, words.join(' '))
      t.equal(stderr.split('\n').length, 1, 'one line')
      t.equal(exitCode, 2)
      t.equal(stdout, '')
    }),
  )
})

void t.test('a scheduler and a path manager where the kernel has none per socket', async (t) => {
  for (const [option, key] of [
    ['--scheduler', 'scheduler'],
    ['--path-manager', 'pathManager'],
  ] as const) {
    const wish = { transport: 'mptcp' as const, [key]: { name: 'default', optional: false } }
    let message: string | undefined
    try {
      detectKernel().check(wish)
    } catch (error) {
      message = (error as Error).message
    }
    const { port } = await startPerfServer(t)
    const words = ['client', '127.0.0.1', '-p', port, '-n', '1K', option, 'default']
    const plain = await run(...words)
    t.equal(plain.exitCode, message === undefined ? 0 : 1)
    if (message !== undefined) t.equal(plain.stderr, `mptk: ${message}`)
    const { stdout } = await run(...words, '--json')
    t.match(
      JSON.parse(stdout),
      message === undefined ? { end: {} } : { error: message, error_code: 'MPTK_KERNEL_UNSUPPORTED' },
    )
  }
})

void t.test('one test in words', async (t) => {
  const { process: server, port } = await startPerfServer(t, '--once')
  const { stdout, stderr, exitCode } = await run('client', '127.0.0.1', '-p', port, '-n', '3M', '-P', '2')
  t.equal(exitCode, 0)
  t.equal(stderr, '')
  t.match(stdout, /^connected to 127\.0\.0\.1:\d+: 2 streams, /)
  t.match(stdout, /^up: received 3\.15 MB in .* s = .*bit\/s, sent 3\.15 MB, \d+ retransmitted$/m)
  t.match(await server.exited, { exitCode: 0 }, 'the server has ended with its one test')
  await server.waitForLine(/^127\.0\.0\.1:\d+: received 3\.15 MB in /)
})

void t.test('every direction as JSON', async (t) => {
  const { process: server, port } = await startPerfServer(t)
  for (const words of [[], ['-R'], ['--bidir', '-P', '2']]) {
    const { stdout, stderr, exitCode } = await run(
      'client',
      '127.0.0.1',
      '-p',
      port,
      '-n',
      '2M',
      '--json',
      ...words,
    )
    t.equal(exitCode, 0)
    t.equal(stderr, '')
    const { end } = JSON.parse(stdout) as PerfJson
    t.equal(end.sum_sent?.bytes, 2 * 2 ** 20)
    t.equal(end.sum_received?.bytes, 2 * 2 ** 20)
    if (words[0] !== '--bidir') continue
    t.equal(end.sum_sent_bidir_reverse?.bytes, 2 * 2 ** 20)
    t.equal(end.sum_received_bidir_reverse?.bytes, 2 * 2 ** 20)
    t.equal(end.streams.length, 4)
  }
  t.match(await server.stop(), { exitCode: 0 }, 'SIGTERM ends a server as it should')
})

void t.test('latency as JSON', async (t) => {
  const { port } = await startPerfServer(t)
  const { stdout } = await run('client', '127.0.0.1', '-p', port, '-t', '2', '--latency', 'idle', '--json')
  const { end, intervals } = JSON.parse(stdout) as PerfJson
  t.ok(end.latency && end.latency.count > 0)
  t.equal(end.latency?.samples.length, end.latency?.count)
  t.strictSame(end.streams, [])
  t.equal(
    intervals.reduce((sum, { latency }) => sum + (latency?.count ?? 0), 0),
    end.latency?.count,
  )
})

/** A client of a minute that has printed an interval. */
async function running(t: Test, port: string, ...words: string[]): Promise<LabProcess> {
  const argv = mptk('perf', 'client', '127.0.0.1', '-p', port, '-t', '60', '-i', '0.1', ...words)
  const process = new LabProcess(localRunner.spawn(argv, CLEAN))
  t.teardown(() => process.stop())
  if (!words.includes('--json')) await process.waitForLine(/^ +\d+\.\d-/)
  return process
}

void t.test('Ctrl-C at the client', async (t) => {
  const { process: server, port } = await startPerfServer(t, '--once')
  const client = await running(t, port, '-R')
  client.kill('SIGINT')
  t.match(await client.exited, { exitCode: 130 })
  await client.waitForLine(/^down: received .* in .* s = .*bit\/s, sent /)
  await client.waitForLine(/^mptk: interrupted$/)
  t.match(await server.exited, { exitCode: 0 })
  await server.waitForLine(/interrupted by the client$/)
})

void t.test('the client is told to end, and prints its JSON', async (t) => {
  const { port } = await startPerfServer(t, '--max-clients', '1')
  const client = await running(t, port, '--json')
  // not asked of the server before: the question would take the one place there is
  await until('the client is connected', async () => {
    const { stdout } = await localRunner.run(['ss', '-Htn', 'state', 'established', `( dport = :${port} )`])
    return stdout.includes(port) ? undefined : 'no connection'
  })
  await until('the test runs', async () => {
    const { stderr } = await run('client', '127.0.0.1', '-p', port, '-n', '1')
    return stderr.includes('busy: 1 of at most 1 tests') ? undefined : stderr || 'a free place'
  })
  // the place is taken before the streams are open, and only what is sent by then is measured
  await until('the client sends', async () => {
    const { stdout } = await localRunner.run(['ss', '-Htin', 'state', 'established', `( dport = :${port} )`])
    return /bytes_sent:\d{7}/.test(stdout) ? undefined : stdout
  })
  client.kill('SIGTERM')
  t.match(await client.exited, { exitCode: 143 })
  const [document] = await client.waitForLine(/^\{.*\}$/)
  const { error, end } = JSON.parse(document) as PerfJson
  t.equal(error, 'interrupted')
  t.ok(end.sum_sent, 'what was measured by then is there')
})

void t.test('the server dies', async (t) => {
  for (const words of [[], ['-R'], ['--latency', 'idle']]) {
    const { process: server, port } = await startPerfServer(t)
    const client = await running(t, port, ...words)
    server.kill('SIGKILL')
    t.match(await client.exited, { exitCode: 1 })
    const said = await client.waitForLine(/^mptk: .*/)
    t.match(said[0], /broke \(|connection/, said[0])
    t.equal(client.lines.filter((line) => line.startsWith('mptk: ')).length, 1)
  }
})

void t.test('nobody listens', async (t) => {
  const { process: server, port } = await startPerfServer(t)
  await server.stop()
  const { exitCode, stderr, stdout } = await run('client', '127.0.0.1', '-p', port)
  t.equal(exitCode, 1)
  t.match(stderr, new RegExp(`^mptk: .*127\\.0\\.0\\.1:${port}.*`))
  t.equal(stderr.split('\n').length, 1)
  t.equal(stdout, '')
  const json = await run('client', '127.0.0.1', '-p', port, '--json')
  t.equal(json.exitCode, 1)
  t.match(JSON.parse(json.stdout), { intervals: [], error: /127\.0\.0\.1/, error_code: 'MPTK_PERF' })
})

void t.test('the address of the server is taken', async (t) => {
  const { port } = await startPerfServer(t)
  const { exitCode, stderr } = await run('server', '--listen', `127.0.0.1:${port}`)
  t.equal(exitCode, 1)
  t.match(stderr, /^mptk: cannot listen on 127\.0\.0\.1:\d+: the port is taken/)
})
