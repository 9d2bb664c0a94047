// measures alone
/** The JSON of `mptk perf` beside that of iperf3, for the same kind of test on loopback. */
import t from 'tap'
import { LabProcess } from '../../mininet/lab-process.js'
import { localRunner } from '../../src/exec.js'
import { CLEAN, mptk, startPerfServer } from '../support/perf-command.js'

/** Keys that iperf3 does not have, with everything below them. */
const OWN = new Set(['mptk', 'mptcp', 'mptcp_server', 'server', 'latency'])

/** What iperf3 has and we do not: buffer sizes and what only UDP, pacing and its own protocol know. */
const NOT_OURS = [
  'start.cookie',
  'start.tcp_mss_default',
  'start.target_bitrate',
  'start.sock_bufsize',
  'start.sndbuf_actual',
  'start.rcvbuf_actual',
  'start.test_start.blocks',
  'start.test_start.tos',
  'start.test_start.target_bitrate',
  'intervals[].streams[].snd_wnd',
  'intervals[].streams[].pmtu',
  'end.streams[].sender.max_snd_wnd',
]

/** Every path in a document with the type at it; list entries share theirs. */
function shapeOf(value: unknown, path = '', shape = new Map<string, string>()): Map<string, string> {
  if (path !== '') shape.set(path, Array.isArray(value) ? 'array' : typeof value)
  if (Array.isArray(value)) for (const each of value) shapeOf(each, `${path}[]`, shape)
  else if (typeof value === 'object' && value !== null) {
    for (const [key, each] of Object.entries(value)) {
      if (!OWN.has(key)) shapeOf(each, path === '' ? key : `${path}.${key}`, shape)
    }
  }
  return shape
}

async function iperf3(...words: string[]): Promise<unknown> {
  // the port is asked of the kernel by a server of ours that is gone before iperf3 takes it
  const port = await freePort()
  const server = new LabProcess(
    localRunner.spawn(['iperf3', '-s', '-1', '--forceflush', '-B', '127.0.0.1', '-p', port]),
  )
  try {
    await server.waitForLine(/listening/)
    const { stdout } = await localRunner.run(['iperf3', '-c', '127.0.0.1', '-p', port, '-J', ...words])
    return JSON.parse(stdout) as unknown
  } finally {
    await server.stop()
  }
}

async function freePort(): Promise<string> {
  const server = new LabProcess(localRunner.spawn(mptk('perf', 'server', '--listen', '127.0.0.1:0'), CLEAN))
  const [, port = ''] = await server.waitForLine(/^listening on 127\.0\.0\.1:(\d+)/)
  await server.stop()
  return port
}

for (const words of [[], ['-R'], ['--bidir'], ['-O', '1']]) {
  void t.test(`iperf3 -P 2 -t 1 ${words.join(' ')}`, async (t) => {
    const common = ['-t', '1', '-i', '0.5', '-P', '2', ...words]
    const theirs = shapeOf(await iperf3(...common))
    const { port } = await startPerfServer(t)
    const argv = mptk('perf', 'client', '127.0.0.1', '-p', port, '--json', ...common)
    const { stdout } = await localRunner.run(argv, CLEAN)
    const ours = shapeOf(JSON.parse(stdout))
    for (const [path, type] of ours) t.equal(type, theirs.get(path), `${path} is iperf3's, and of its type`)
    t.strictSame(
      [...theirs.keys()].filter((path) => !ours.has(path) && !NOT_OURS.includes(path)),
      [],
      'and nothing else of iperf3 is missing',
    )
  })
}
