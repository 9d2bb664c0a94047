/**
 * The main job on the thesis's topology: curl on the client, a local SOCKS5 service, MPTCP over
 * both uplinks to the proxy, plain TCP to nginx on a web server that has no MPTCP.
 *
 *     curl ─TCP─▶ mptk (client) ══MPTCP, wlan + cell══▶ mptk (proxy) ──TCP──▶ nginx (web)
 */
import { existsSync } from 'node:fs'
import { copyFile, truncate, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { stringify } from 'yaml'
import { MptkError } from '../src/errors.js'
import { labFile } from './lab-control.js'
import type { Lab } from './lab.js'
import type { LabProcess } from './lab-process.js'
import { MPTK_UP } from './mptk-process.js'
import { startWebServer } from './web-server.js'

/** `bonded` is MPTCP over both uplinks; the others are TCP bound to one uplink, through the same proxy. */
export type Route = 'bonded' | 'wlan' | 'cell'
export type Direction = 'download' | 'upload'

const PORTS: Readonly<Record<Route, number>> = { bonded: 1080, wlan: 1081, cell: 1082 }
const PROXY = '10.0.3.2:1080'
const WEB = '10.0.3.3'
const STATUS = '127.0.0.1:9400'
const CREDENTIALS = { username: 'alice', password: 'wonderland' }

export interface MainJobOptions {
  /** Congestion control of every MPTCP and uplink socket on both hosts; `auto` without. */
  congestion?: string
  /** Where files, configurations and nginx's state go. */
  folder: string
  /** Bytes of the file that is fetched and sent. */
  size: number
}

export interface Transfer {
  /** Bytes per second as curl measured them, everything included. */
  speed: number
  bytes: number
  seconds: number
}

/** The part of `/status` that tests and the demo read. */
export interface HostStatus {
  sessions: {
    service: string
    state: string
    client: SideStatus
    remote?: SideStatus
  }[]
}
export interface SideStatus {
  protocol: 'mptcp' | 'tcp'
  reason?: string
  subflows: {
    local: { address: string }
    remote: { address: string }
    state: string
    rtt: number
    bytesSent?: number
    bytesReceived?: number
  }[]
}

export class MainJob {
  readonly #lab: Lab
  readonly #options: MainJobOptions
  #services: LabProcess[] = []

  private constructor(lab: Lab, options: MainJobOptions) {
    this.#lab = lab
    this.#options = options
  }

  /** @throws {MptkError} MPTK_LAB with what a program of it printed */
  static async start(lab: Lab, options: MainJobOptions): Promise<MainJob> {
    const job = new MainJob(lab, options)
    await startWebServer(lab.host('web'), `http://${WEB}/`, options)
    await job.#startProxies(options.congestion)
    return job
  }

  /** Restarts both mptk processes with another congestion control. */
  async useCongestion(congestion: string | undefined): Promise<void> {
    await this.#startProxies(congestion)
  }

  /** The mptk processes, client's first; their lines are session records in JSON. */
  get services(): readonly LabProcess[] {
    return this.#services
  }

  /** @param options `size`: fewer bytes than the whole file */
  async transfer(
    route: Route,
    direction: Direction,
    options: { signal?: AbortSignal; size?: number } = {},
  ): Promise<Transfer> {
    const { size = this.#options.size, ...running } = options
    const file = await this.#file(size)
    const what =
      direction === 'download'
        ? ['-o', '/dev/null', `http://${WEB}/${basename(file)}`]
        : ['-o', '/dev/null', '-H', 'Expect:', '-T', file, `http://${WEB}/upload/${route}`]
    const { stdout } = await this.#lab
      .host('client')
      .run(
        ['curl', '-sS', '--fail', '-w', '%{json}', '--socks5-hostname', `127.0.0.1:${PORTS[route]}`, ...what],
        running,
      )
    const said = JSON.parse(stdout) as Record<`${'speed' | 'size'}_${Direction}` | 'time_total', number>
    const bytes = said[`size_${direction}`]
    if (bytes !== size) {
      throw new MptkError('MPTK_LAB', `expected a ${direction} of ${size} bytes, found ${bytes}`)
    }
    return { speed: said[`speed_${direction}`], bytes, seconds: said.time_total }
  }

  async status(host: 'client' | 'proxy'): Promise<HostStatus> {
    const { stdout } = await this.#lab.host(host).run(['curl', '-sS', `http://${STATUS}/status`])
    return JSON.parse(stdout) as HostStatus
  }

  /** The web server's file, or so many bytes of it in a file of their own. */
  async #file(size: number): Promise<string> {
    const whole = join(this.#options.folder, 'www', 'file')
    if (size === this.#options.size) return whole
    const part = `${whole}-${size}`
    if (!existsSync(part)) {
      await copyFile(whole, part)
      await truncate(part, size)
    }
    return part
  }

  async #startProxies(congestion: string | undefined): Promise<void> {
    await Promise.all(this.#services.map((service) => service.stop()))
    this.#services = []
    const cc = congestion === undefined ? {} : { congestion }
    const upstream = { type: 'socks5', address: PROXY, ...CREDENTIALS, ...cc }
    const client = this.#lab.host('client')
    const bound = (uplink: 'wlan' | 'cell') => ({
      type: 'socks5',
      name: uplink,
      listen: `127.0.0.1:${PORTS[uplink]}`,
      upstream: { ...upstream, transport: 'tcp', source: client.address(uplink) },
    })
    const bonded = { type: 'socks5', name: 'bonded', listen: `127.0.0.1:${PORTS.bonded}`, upstream }
    const users = { [CREDENTIALS.username]: { password: CREDENTIALS.password } }
    const proxy = { type: 'socks5', name: 'proxy', listen: PROXY, users, ...cc }
    this.#services = await Promise.all([
      this.#startService('client', [bonded, bound('wlan'), bound('cell')]),
      this.#startService('proxy', [proxy]),
    ])
  }

  async #startService(host: string, services: object[]): Promise<LabProcess> {
    const file = join(this.#options.folder, `${host}.yaml`)
    await writeFile(file, stringify({ services, status: { listen: STATUS }, log: { format: 'json' } }), {
      mode: 0o600,
    })
    const service = this.#lab
      .host(host)
      .spawn([process.execPath, labFile('..', 'dist', 'src', 'cli', 'main.js'), 'run', '--config', file], {
        env: { NODE_OPTIONS: '' },
      })
    await service.waitForLine(MPTK_UP)
    return service
  }
}
