// `mptk run` whose log nothing takes: a reader that has stopped, a full disk. It serves, answers and ends all the same.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import t, { type Test } from 'tap'
import { MAIN, start } from '../../support/process.js'
import { runTool } from '../../support/tools.js'
import { until } from '../../support/until.js'
import { closedPort, Talker } from '../proxy/host.js'
import { page } from './running.js'

const BATCH = 50
/** 255 bytes that a log needs 1.8 kB for. */
const USER = '\u0001'.repeat(255)

interface Held {
  child: ChildProcess
  status: number
  /** So many sessions more, each with a record. */
  sessions: (count: number) => Promise<void>
  dropped: () => Promise<number>
}

async function held(t: Test, folder: string, format: 'text' | 'json', prefix: string[] = []): Promise<Held> {
  const [socks, status] = [await closedPort(), await closedPort()]
  const file = join(folder, 'mptk.yaml')
  const service = {
    type: 'socks5',
    listen: `127.0.0.1:${socks}`,
    users: { alice: { password: 'wonderland' } },
  }
  const config = { services: [service], status: { listen: `127.0.0.1:${status}` }, log: { format } }
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 })
  const words = [...prefix, process.execPath, MAIN, 'run', '--config', file]
  const child = spawn('env', words, {
    env: { ...process.env, NODE_OPTIONS: '' },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  await until('it is up', () =>
    page(status, '/healthz').then(
      () => undefined,
      (error: unknown) => `${String(error)}, exit code ${child.exitCode}`,
    ),
  )
  const name = Buffer.from(USER).toString('hex')
  const one = async (): Promise<void> => {
    const talker = await Talker.to(t, socks)
    talker.send(`050102 01 ff${name} 01 78`)
    await talker.rest()
    talker.socket.end()
  }
  return {
    child,
    status,
    async sessions(count) {
      for (let done = 0; done < count; done += BATCH) await Promise.all(Array.from({ length: BATCH }, one))
    },
    async dropped() {
      const { text } = await page(status, '/metrics')
      return Number(/^mptk_log_dropped_total (\d+)$/m.exec(text)?.[1])
    },
  }
}

async function ends(t: Test, { child, status }: Held): Promise<void> {
  t.match(await page(status, '/healthz'), { code: 200 }, 'it answers')
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  t.strictSame(await exited, [0, null], 'it ends when it is asked to')
}

/** Lines of what is read from now on; the stream stands still before and after. */
async function readUntil(stream: Readable, pattern: RegExp): Promise<string[]> {
  let text = ''
  const read = (chunk: Buffer) => (text += String(chunk))
  stream.on('data', read)
  await until(`${String(pattern)} is there`, () => (pattern.test(text) ? undefined : text.slice(-200)))
  stream.off('data', read).pause()
  return text.split('\n')
}

void t.test('a reader of the text log that stops for 1,200 sessions, and for good', async (t) => {
  const proxy = await held(t, t.testdir(), 'text')
  const { child, status, sessions, dropped } = proxy
  if (child.stderr === null) throw new Error('no pipe')
  await sessions(1200)
  t.match(await page(status, '/healthz'), { code: 200 }, 'it answers')
  await until('lines are dropped', async () => ((await dropped()) > 0 ? undefined : 'none'))
  const lines = await readUntil(child.stderr, /log lines were dropped.*\n/)
  t.match(lines[0], /^mptk \S+ on Linux /)
  const records = lines.filter((line) => line.includes('handshake: wrong user name'))
  const line = /^\d{4}-\d\d-\d\dT[\d:.]+Z warn {2}socks5 127\.0\.0\.1:\d+ ↑0 B ↓0 B \d+ ms handshake: wrong/
  t.same(
    records.filter((each) => !line.test(each)),
    [],
    'one line a session',
  )
  const [, count] = /warn {2}(\d+) log lines were dropped/.exec(lines.join('\n')) ?? []
  t.equal(records.length + Number(count), 1200, 'every line is there, or counted')

  await sessions(1200)
  await until('more lines are dropped', async () => ((await dropped()) > Number(count) ? undefined : 'none'))
  await ends(t, proxy)
})

void t.test('a full disk under the JSON log', async (t) => {
  const folder = t.testdir({ disk: {} })
  const disk = join(folder, 'disk')
  const script = 'mount -t tmpfs -o size=64k tmpfs "$0" && exec "$@" 2>>"$0/log"'
  const proxy = await held(t, folder, 'json', ['unshare', '--mount', 'sh', '-c', script, disk])
  const { child, sessions, dropped } = proxy
  for (let sum = 0; (await dropped()) === 0; sum += BATCH) {
    if (sum > 5000) throw new Error('nothing is dropped')
    await sessions(BATCH)
  }
  t.match(await page(proxy.status, '/healthz'), { code: 200 }, 'it answers')
  const remount = ['--mount', '--target', `${child.pid}`, 'mount', '-o', 'remount,size=16m', disk]
  t.match(await runTool('nsenter', remount), { code: 0 })
  const log = `/proc/${child.pid}/root${disk}/log`
  await until('there is room again', () =>
    readFileSync(log, 'utf8').includes('log lines were dropped') ? undefined : 'nothing is told',
  )
  const records = readFileSync(log, 'utf8').trimEnd().split('\n')
  t.match(JSON.parse(records[0] ?? ''), { level: 'info', time: /^\d{4}-.*Z$/, msg: /^mptk .* on Linux / })
  t.doesNotThrow(() => records.map((each) => JSON.parse(each) as object), 'whole lines of JSON')
  await ends(t, proxy)
})

void t.test('under systemd every line says how grave it is', async (t) => {
  const file = join(
    t.testdir({
      'mptk.yaml': 'services: [{ type: socks5, listen: "127.0.0.1:0" }]\nlog: { format: text }\n',
    }),
    'mptk.yaml',
  )
  const script = 'export JOURNAL_STREAM="$(stat --dereference --format %d:%i /proc/self/fd/2)"; exec "$@"'
  const prefix = ['sh', '-c', script, 'sh']
  const command = start(t, ['run', '--config', file], { prefix })
  await command.stderr.find(/^<6>mptk \S+ on Linux /)
  command.signal('SIGTERM')
  t.equal((await command.ended).stdout, '')
  const other = start(t, ['run', '--config', file], { env: { JOURNAL_STREAM: '1:1' } })
  await other.stderr.find(/^mptk \S+ on Linux /)
})
