/** `mptk demo`: the same file over each uplink and over both, watched live, in under a minute. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import Table from 'cli-table3'
import { Lab, readTopology } from './lab.js'
import { MainJob, type HostStatus, type Route, type Transfer } from './main-job.js'
import { PathMeter, type PathReading } from './path-meter.js'

const UPLINKS = ['wlan', 'cell'] as const
const TITLES: Readonly<Record<Route, string>> = {
  wlan: 'over WLAN alone (20 Mbit/s)',
  cell: 'over cellular alone (10 Mbit/s)',
  bonded: 'over both, bonded by MPTCP',
}
/** Small enough for a minute, large enough that slow start is not what is measured. */
const SIZE = 12_000_000
const INTERVAL = 250

export interface DemoOptions {
  out: NodeJS.WriteStream
  signal: AbortSignal
}

/** @throws {MptkError} MPTK_LAB; the lab is gone in any case */
export async function runDemo({ out, signal }: DemoOptions): Promise<void> {
  out.write(
    'building the lab: client ═ WLAN 20, cellular 10 Mbit/s ═ router ─ proxy, web server (without MPTCP)\n',
  )
  const folder = await mkdtemp(join(tmpdir(), 'mptk-demo-'))
  const lab = await Lab.start(await readTopology('thesis'), { signal })
  try {
    const job = await MainJob.start(lab, { folder, size: SIZE })
    const results = new Map<Route, Transfer>()
    for (const route of ['wlan', 'cell', 'bonded'] as const) {
      out.write(`\n${SIZE / 1e6} MB ${TITLES[route]}\n`)
      results.set(route, await watched(lab, job, route, { out, signal }))
    }
    out.write(`\n${closingTable(results)}\n`)
  } finally {
    await lab.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

async function watched(
  lab: Lab,
  job: MainJob,
  route: Route,
  { out, signal }: DemoOptions,
): Promise<Transfer> {
  const meters = UPLINKS.map((uplink) => new PathMeter(lab.host('client'), uplink))
  await Promise.all(meters.map((meter) => meter.start()))
  const transfer = job.transfer(route, 'download', { signal })
  const finished = transfer.then(
    () => true,
    () => true,
  )
  const screen = new Screen(out, UPLINKS.length)
  while (!(await Promise.race([finished, sleep(INTERVAL, false)]))) {
    const status = await job.status('proxy')
    screen.show(
      await Promise.all(meters.map(async (meter) => line(await meter.read(), rttOf(status, meter)))),
    )
  }
  screen.end()
  return transfer
}

function line({ name, rate, bytes }: PathReading, rtt: number | undefined): string {
  const bar = '█'.repeat(Math.round(rate / 1e6)).padEnd(22)
  const mbit = (rate / 1e6).toFixed(1).padStart(5)
  const mb = (bytes / 1e6).toFixed(1).padStart(5)
  const ms = rtt === undefined ? '    -' : rtt.toFixed(0).padStart(5)
  return `  ${name}  ${bar} ${mbit} Mbit/s  ${mb} MB  RTT ${ms} ms`
}

/** The round-trip time of the uplink's subflow as the proxy sees it: it sends, so it knows. */
function rttOf(status: HostStatus, meter: PathMeter): number | undefined {
  return status.sessions
    .flatMap(({ client }) => client.subflows)
    .find(({ remote }) => remote.address === meter.address)?.rtt
}

function closingTable(results: ReadonlyMap<Route, Transfer>): string {
  const table = new Table({ head: ['path', 'seconds', 'Mbit/s'], style: { head: [], border: [] } })
  const speed = (route: Route): number => ((results.get(route)?.speed ?? NaN) * 8) / 1e6
  for (const [route, { seconds }] of results) table.push([route, seconds.toFixed(1), speed(route).toFixed(1)])
  const share = speed('bonded') / (speed('wlan') + speed('cell'))
  return `${table.toString()}\nbonded is ${share.toFixed(2)} × the sum of the two paths; curl and nginx know nothing of MPTCP`
}

/** Lines redrawn in place on a terminal; elsewhere one line a second would be noise, so only the last is kept. */
class Screen {
  readonly #out: NodeJS.WriteStream
  readonly #height: number
  #last: readonly string[] = []

  constructor(out: NodeJS.WriteStream, height: number) {
    this.#out = out
    this.#height = height
  }

  show(lines: readonly string[]): void {
    if (this.#out.isTTY) {
      const back = this.#last.length > 0 ? `\x1b[${this.#height}A` : ''
      this.#out.write(back + lines.map((each) => `\x1b[2K${each}\n`).join(''))
    }
    this.#last = lines
  }

  end(): void {
    if (!this.#out.isTTY) this.#out.write(this.#last.map((each) => `${each}\n`).join(''))
  }
}
