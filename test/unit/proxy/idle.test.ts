/** Living but idle connections stay (RFC 5382 REQ-5), and peers that vanish are noticed all the same. */
import t from 'tap'
import { execFileSync } from 'node:child_process'
import { checkConfig } from '../../../src/config/load.js'
import { native } from '../../../src/native.js'
import { Loopback } from '../native/loopback.js'
import { reverse, socks5, transparent } from '../config/minimal.js'
import { ALLOW_LOOPBACK, echoServer, hex, NO_AUTH, request, testHost } from './host.js'

void t.test('no service ends a connection that has been idle for less than 2 h 4 min', (t) => {
  const connect = { services: [{ type: 'connect', listen: '127.0.0.1:3128' }] }
  for (const config of [socks5(), reverse(), transparent(), connect]) {
    const [service] = checkConfig(config, 'test').services
    t.ok(service !== undefined && service.type !== 'path-test')
    if (service === undefined || service.type === 'path-test') continue
    t.ok(service.timeouts.idle >= (2 * 60 + 4) * 60_000, service.type)
    t.ok(service.timeouts.halfClosed >= 4 * 60_000, `${service.type}: 4 min for the closing phase`)
  }
  t.end()
})

/** What the kernel says of the timers of this host's TCP connections (and subflows) with the port. */
function timers(filter: string): string[] {
  const lines = execFileSync('ss', ['-tnoH', 'state', 'established', filter], { encoding: 'utf8' })
  return lines.trim().split('\n')
}

for (const protocol of ['tcp', 'mptcp'] as const) {
  void t.test(`both sides are asked whether they are there: ${protocol}`, async (t) => {
    const port = await echoServer(t)
    const egress = { transport: protocol }
    const { ports, host } = await testHost(t, { type: 'socks5', rules: ALLOW_LOOPBACK, egress })
    const own = ports[0] ?? 0
    const loopback = new Loopback(t)
    const fd = await loopback.connect({ family: 4, protocol }, { address: '127.0.0.1', port: own })
    native.send(fd, hex(`${NO_AUTH} ${request('127.0.0.1', port)}`))
    const relaying = (): boolean => [...host.runtime.sessions].some(({ state }) => state === 'relaying')
    while (!relaying()) await new Promise(setImmediate)
    for (const side of [`sport = :${own}`, `dport = :${port}`]) {
      const found = timers(side)
      t.ok(found.length > 0 && found.every((line) => /timer:\(keepalive,/.test(line)), found.join())
    }
  })
}
