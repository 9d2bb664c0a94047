/** The proxy under attack: services with and without users, and an echo server that both may reach. */
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { Test } from 'tap'
import { startProxy, type BuiltProxy } from '../support/built-proxy.js'
import type { ServiceModel } from './model.js'

export const PORTS = { open: 1080, users: 1081, status: 9400, echo: 7000, refused: 7001 }
export const USER = { name: 'alice', password: 'correct horse' }
const MODEL = { echoPort: PORTS.echo, refusedPort: PORTS.refused }
export const SERVICES: { name: string; port: number; model: ServiceModel }[] = [
  { name: 'open', port: PORTS.open, model: { ...MODEL, user: undefined } },
  { name: 'users', port: PORTS.users, model: { ...MODEL, user: USER } },
]

export async function startEcho(t: Test): Promise<void> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => socket.destroy())
    socket.pipe(socket)
  })
  server.listen({ port: PORTS.echo, host: '::', backlog: 4096 })
  await once(server, 'listening')
  t.teardown(() => server.close())
}

/** @param timeouts of both services, as in the configuration file */
export function startTarget(t: Test, timeouts: object = {}): Promise<BuiltProxy> {
  const allow = { destinations: ['127.0.0.1', '::1', 'localhost'], ports: [PORTS.echo, PORTS.refused] }
  const socks5 = { type: 'socks5', rules: [{ allow }], timeouts }
  return startProxy(t, {
    services: [
      { ...socks5, name: 'open', listen: `127.0.0.1:${PORTS.open}` },
      {
        ...socks5,
        name: 'users',
        listen: `127.0.0.1:${PORTS.users}`,
        users: { [USER.name]: { password: USER.password } },
      },
    ],
    statusPort: PORTS.status,
    logLevel: 'warn',
  })
}
