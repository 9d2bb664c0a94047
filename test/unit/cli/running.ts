/** `mptk run` as a process, and what tests say to it. */
import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import type { Test } from 'tap'
import { start, type Command } from '../../support/process.js'
import { request, Talker } from '../proxy/host.js'

export const NO_AUTH = '05 01 00'

export interface Page {
  code: number
  type: string
  text: string
}

export async function page(
  port: number,
  path: string,
  method = 'GET',
  host = `127.0.0.1:${port}`,
): Promise<Page> {
  const sent = httpRequest({ host: '127.0.0.1', port, path, method, headers: { host }, agent: false })
  sent.end()
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  let text = ''
  for await (const chunk of response) text += String(chunk)
  return { code: response.statusCode ?? 0, type: response.headers['content-type'] ?? '', text }
}

export interface Running {
  command: Command
  socks: number
  status: number
}

/** One SOCKS5 service that may reach loopback, and a status address. */
export async function running(t: Test, service: object = {}, prefix: string[] = []): Promise<Running> {
  const file = join(
    t.testdir({
      // YAML reads JSON
      'mptk.yaml': JSON.stringify({
        services: [
          {
            type: 'socks5',
            listen: '127.0.0.1:0',
            rules: [{ allow: { destinations: '127.0.0.0/8' } }],
            ...service,
          },
        ],
        status: { listen: '127.0.0.1:0' },
        log: { format: 'json' },
      }),
    }),
    'mptk.yaml',
  )
  const command = start(t, ['run', '--config', file], { prefix })
  const [socks, status] = await Promise.all([command.addressOf('socks5'), command.addressOf('status')])
  return { command, socks: socks.port, status: status.port }
}

export async function connected(t: Test, socks: number, port: number): Promise<Talker> {
  const talker = await Talker.to(t, socks)
  talker.send(`${NO_AUTH} ${request('127.0.0.1', port)} 6869`)
  t.match(await talker.take(14), /^0500050000017f000001....6869$/)
  return talker
}

/** Of a service whose upstream may take its time: it dials until the test ends that. */
export function through(port: number): object {
  const upstream = { type: 'socks5', address: `127.0.0.1:${port}`, connectTimeout: '5m' }
  return { upstream, timeouts: { dial: '5m' } }
}
