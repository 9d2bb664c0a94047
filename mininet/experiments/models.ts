import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { MptkError } from '../../src/errors.js'
import { MPTK_ENV, MPTK_UP, mptkCommand, startMptk } from '../mptk-process.js'
import type { Topology } from '../topology.js'
import { startWebServer } from '../web-server.js'
import type { Experiment, Measurement, Stage } from './experiment.js'
import type { ResultTable, Sample } from './result.js'
import { boxesOf, distributionOf, meanOf, spreadOf, valuesOf, variantsOf } from './samples.js'

interface Model {
  name: string
  /** Where curl runs; on the client unless given. */
  on?: string
  /** Words before curl, its options, and the base of its URL. */
  prefix?: readonly string[]
  options: readonly string[]
  base: string
}

const WEB = 'http://10.0.3.3'
const SOCKS = '127.0.0.1:1080'
const PROXY_SOCKS = '10.0.3.2:1080'
const PROXY_WEB = '10.0.3.2:8080'
const USER = { username: 'alice', password: 'wonderland' }
const UPSTREAM = { type: 'socks5', address: PROXY_SOCKS, ...USER }

/** Behind the client, which is its router: a host that knows nothing of MPTCP, and nothing of proxies. */
const LAN = { host: 'lan1', interface: 'lan', address: '192.168.7.2', gateway: '192.168.7.1' }

const MODELS: readonly Model[] = [
  { name: 'direct TCP, WLAN', options: ['--interface', 'wlan'], base: WEB },
  { name: 'direct TCP, cellular', options: ['--interface', 'cell'], base: WEB },
  { name: 'reverse proxy', prefix: ['mptcpize', 'run'], options: [], base: `http://${PROXY_WEB}` },
  { name: 'SOCKS5', options: ['--socks5-hostname', SOCKS], base: WEB },
  { name: 'router', on: LAN.host, options: [], base: WEB },
]

const bytes = (quick: boolean): number => (quick ? 12_000_000 : 60_000_000)

async function topology(base: (name: string) => Promise<Topology>): Promise<Topology> {
  const paths = await base('thesis-paths')
  const host = {
    name: LAN.host,
    sysctls: { 'net.mptcp.enabled': 0 },
    routes: [{ to: 'default', via: LAN.gateway } as const],
  }
  const link = {
    name: 'lan',
    a: { node: LAN.host, interface: 'eth0', addresses: [`${LAN.address}/24`] },
    b: { node: 'client', interface: LAN.interface, addresses: [`${LAN.gateway}/24`] },
    rate: 50,
    queue: 200,
  }
  return { ...paths, hosts: [...paths.hosts, host], links: [...paths.links, link] }
}

async function prepare(stage: Stage): Promise<void> {
  const { lab, folder, quick } = stage
  await startWebServer(lab.host('web'), `${WEB}/`, { folder, size: bytes(quick) })
  await writeFile(join(folder, 'www', 'small'), 'x')
  const users = { [USER.username]: { password: USER.password } }
  await startServices(stage, 'proxy', [
    { type: 'socks5', listen: PROXY_SOCKS, users },
    { type: 'reverse-tcp', listen: PROXY_WEB, target: new URL(WEB).host + ':80' },
  ])
  await startServices(stage, 'client', [{ type: 'socks5', listen: SOCKS, upstream: UPSTREAM }])
  await makeRouter(stage)
}

/** By the same command as anywhere; it ends with the lab, and so does what it has changed. */
async function makeRouter({ lab, folder }: Stage): Promise<void> {
  const client = lab.host('client')
  const file = join(folder, 'router.yaml')
  const host = { setup: 'router', uplinks: { wlan: {}, cell: {} }, lan: { interfaces: LAN.interface } }
  const services = [{ type: 'transparent', listen: '0.0.0.0:5201', upstream: UPSTREAM }]
  await writeFile(file, stringify({ host, services }), { mode: 0o600 })
  const state = ['--state', join(folder, 'state')]
  await client.run(mptkCommand('apply', '--config', file, ...state), { env: MPTK_ENV, timeout: 60_000 })
}

async function startServices({ lab, folder }: Stage, host: string, services: object[]): Promise<void> {
  const file = join(folder, `${host}.yaml`)
  await writeFile(file, stringify({ services }), { mode: 0o600 })
  await startMptk(lab.host(host), ['run', '--config', file], MPTK_UP)
}

async function measure(stage: Stage, model: Model): Promise<Measurement> {
  const requests = stage.quick ? 10 : 50
  // a connection each: what counts is how long it takes to get the first byte from nothing
  const urls = Array.from({ length: requests }, () => ['-o', '/dev/null', `${model.base}/small`]).flat()
  const small = await curl(stage, model, [
    '-H',
    'Connection: close',
    '-w',
    '%{time_starttransfer}\\n',
    ...urls,
  ])
  const firstByteMs = small.split('\n').map((line) => Number(line) * 1000)
  const download = await curl(stage, model, [
    ...['-o', '/dev/null', '-w', '%{size_download} %{speed_download}', `${model.base}/file`],
  ])
  const [size, speed = NaN] = download.split(' ').map(Number)
  if (size !== bytes(stage.quick)) {
    throw new MptkError('MPTK_LAB', `expected ${bytes(stage.quick)} bytes, found ${size ?? 'none'}`)
  }
  return { values: { goodputMbit: (speed * 8) / 1e6 }, distributions: { firstByteMs } }
}

async function curl({ lab, signal }: Stage, model: Model, options: readonly string[]): Promise<string> {
  const argv = [...(model.prefix ?? []), 'curl', '-sS', '--fail', ...model.options, ...options]
  const { stdout } = await lab.host(model.on ?? 'client').run(argv, { signal, timeout: 300_000 })
  return stdout.trim()
}

function table(samples: readonly Sample[]): ResultTable {
  return {
    title: 'One client and one web server without MPTCP',
    head: [
      'model',
      'download Mbit/s',
      ...['mean', 'median', 'std. dev.'].map((each) => `first byte ms ${each}`),
    ],
    rows: variantsOf(samples).map((variant) => [
      variant,
      meanOf(valuesOf(samples, variant, 'goodputMbit')),
      ...spreadOf(distributionOf(samples, variant, 'firstByteMs')),
    ]),
    notes: [
      "curl and nginx; congestion control is bbr for MPTCP where the kernel has it (congestion: auto), the kernel's default for TCP. First byte: of a file of one byte, with a new connection each, from curl's start to the first byte of the answer.",
    ],
  }
}

export const models: Experiment = {
  name: 'models',
  title: 'Integration models',
  description:
    "The same client and the same web server, which has no MPTCP: directly by TCP over each uplink, through the reverse proxy (the client speaks MPTCP to it), through SOCKS5 (an ordinary client, a local proxy, MPTCP to the thesis's proxy host), and from a LAN host behind the client, which is its router.",
  source: 'thesis §6',
  topology,
  repetitions: { full: 5, quick: 1 },
  variants: () =>
    MODELS.map((model) => ({ name: model.name, measure: (stage: Stage) => measure(stage, model) })),
  prepare,
  figures: (samples) => [
    {
      kind: 'bars',
      title: 'Download of one file',
      y: 'Mbit/s',
      bars: variantsOf(samples).flatMap((name) => {
        const value = meanOf(valuesOf(samples, name, 'goodputMbit'))
        return value === null ? [] : [{ name, value }]
      }),
    },
    { kind: 'boxes', title: 'Time to the first byte', y: 'ms', groups: boxesOf(samples, 'firstByteMs') },
  ],
  tables: (samples) => [table(samples)],
}
