/**
 * The proxy host's own addresses, which nobody may reach through it: of interfaces that are down,
 * have no carrier or never were up; local routes; addresses a moment old. Each is reached
 * straight first, so that a denial is ours.
 */
import { execFile, execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { inOwnNetwork } from '../../support/own-network.js'
import { failure, NO_AUTH, request, server, Talker, testHost, type TestHost } from '../../unit/proxy/host.js'

const DENIED = failure(2)
const NO_WAY = failure(3)
const INTERCEPTED = 5201
const NOBODY = 65534

const OWN = {
  'of an interface that was set down': '10.77.0.1',
  'of an interface without carrier': '10.78.0.1',
  'of an interface without carrier, IPv6': '2001:db8:78::1',
  'of an interface that never was up': '10.79.0.1',
  'of an interface that never was up, IPv6': '2001:db8:79::1',
  'of a local route': '10.9.3.4',
  'of a local route, IPv6': '2001:db8:9::5',
}

function ip(...args: string[]): void {
  execFileSync('ip', args)
}

function network(): void {
  ip('link', 'add', 'shut', 'type', 'bridge')
  ip('link', 'add', 'idle', 'type', 'veth', 'peer', 'name', 'other')
  ip('link', 'add', 'never', 'type', 'bridge')
  ip('address', 'add', '10.77.0.1/24', 'dev', 'shut')
  ip('address', 'add', '10.78.0.1/24', 'broadcast', '10.78.0.255', 'dev', 'idle')
  ip('address', 'add', '2001:db8:78::1/64', 'dev', 'idle', 'nodad')
  ip('address', 'add', '10.79.0.1/24', 'dev', 'never')
  ip('address', 'add', '2001:db8:79::1/64', 'dev', 'never', 'nodad')
  for (const device of ['shut', 'other', 'idle']) ip('link', 'set', device, 'up')
  ip('link', 'set', 'shut', 'down')
  ip('link', 'set', 'other', 'down')
  ip('route', 'add', 'local', '10.9.0.0/16', 'dev', 'lo')
  ip('-6', 'route', 'add', 'local', '2001:db8:9::/48', 'dev', 'lo')
  // what only sockets with the mark find here
  ip('route', 'add', 'local', '10.5.0.0/16', 'dev', 'lo', 'table', '77')
  ip('rule', 'add', 'fwmark', '7', 'lookup', '77')
}

/** Sends what programs of user NOBODY open to the port to the transparent service. */
function intercept(port: number): void {
  const rule = `tcp dport ${port} meta skuid ${NOBODY} redirect to :${INTERCEPTED}`
  const input = `table inet test { chain out { type nat hook output priority -100; ${rule}; }\n}\n`
  execFileSync('nft', ['-f', '-'], { input })
}

const text = (address: string): string => (address.includes(':') ? `[${address}]` : address)

async function reachedStraight(t: Test, address: string, port: number): Promise<void> {
  const socket = connect({ host: address, port })
  await once(socket, 'connect')
  socket.destroy()
  t.pass(`${address} is reached straight`)
}

/** The reply of a SOCKS5 service, which is its first of all. */
async function socks(t: Test, { ports }: TestHost, index: number, host: string, port: number) {
  const talker = await Talker.to(t, ports[index] ?? 0)
  talker.send(`${NO_AUTH} ${request(host, port)}`).socket.end()
  return (await talker.rest()).slice(4)
}

async function http(t: Test, { ports }: TestHost, index: number, address: string, port: number) {
  const talker = await Talker.to(t, ports[index] ?? 0)
  const host = `${text(address)}:${port}`
  talker.send(Buffer.from(`CONNECT ${host} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)).socket.end()
  return Buffer.from(await talker.rest(), 'hex')
    .toString()
    .slice(0, 12)
}

/** What a program without a proxy gets from there: the server's word, or its error. */
async function intercepted(address: string, port: number): Promise<string> {
  const program = `
    const socket = require('node:net').connect({ host: '${address}', port: ${port} })
    socket.on('data', (bytes) => process.stdout.write(bytes)).on('error', ({ code }) => console.log(code))`
  const words = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', process.execPath, '-e', program]
  const { stdout } = await promisify(execFile)('setpriv', words, { cwd: '/', env: {} })
  return stdout.trim()
}

if (inOwnNetwork(t, import.meta.url)) {
  network()

  void t.test('whatever makes an address the own one', async (t) => {
    const port = await server(t, (socket) => socket.end('mine'), '::')
    const services = [
      { type: 'socks5' },
      { type: 'connect' },
      { type: 'socks5', rules: [{ allow: {} }] },
      { type: 'socks5', rules: [{ allow: { destinations: Object.values(OWN) } }] },
      { type: 'socks5', egress: { mark: 7 } },
    ]
    const host = await testHost(t, ...services)
    for (const [kind, address] of Object.entries(OWN)) {
      await reachedStraight(t, address, port)
      t.equal(await socks(t, host, 0, address, port), DENIED, `socks5: ${kind}`)
      t.equal(await http(t, host, 1, address, port), 'HTTP/1.1 403', `connect: ${kind}`)
      t.equal(await socks(t, host, 2, address, port), DENIED, `${kind}, whatever is allowed in general`)
      t.match(await socks(t, host, 3, address, port), /^05000.*6d696e65$/, `${kind}, allowed by its prefix`)
    }
    for (const carrier of ['64:ff9b::10.77.0.1', '2002:a4d:1::1', '::10.77.0.1']) {
      t.equal(await socks(t, host, 0, carrier, port), DENIED, `${carrier} carries one`)
    }

    t.equal(await socks(t, host, 0, '10.80.0.1', port), NO_WAY, 'no address of this host')
    ip('address', 'add', '10.80.0.1/32', 'dev', 'lo')
    t.equal(await socks(t, host, 0, '10.80.0.1', port), DENIED, 'added just now')
    ip('address', 'delete', '10.80.0.1/32', 'dev', 'lo')
    t.equal(await socks(t, host, 0, '10.80.0.1', port), NO_WAY, 'and gone again')

    t.equal(await socks(t, host, 0, '10.5.1.1', port), NO_WAY)
    t.equal(await socks(t, host, 4, '10.5.1.1', port), DENIED, 'of a table that is for the mark of egress')

    for (const address of ['10.78.0.255', '224.0.0.5', '239.1.2.3', '255.255.255.255', 'ff05::2']) {
      t.equal(await socks(t, host, 0, address, port), DENIED, `${address} is for many`)
    }
    t.match(host.logged(), /10\.9\.3\.4:\d+ is not allowed: it is the proxy host's own address/)
    t.match(host.logged(), /10\.78\.0\.255:\d+ is not allowed: it is a multicast or broadcast address/)
  })

  void t.test('the transparent service', async (t) => {
    const port = await server(t, (socket) => socket.end('mine'), '::')
    intercept(port)
    const rules = [{ allow: { destinations: [OWN['of a local route']] } }]
    const listen = [`127.0.0.1:${INTERCEPTED}`, `[::1]:${INTERCEPTED}`]
    const host = await testHost(t, { type: 'transparent', listen, rules })
    for (const address of Object.values(OWN)) {
      const wanted = address === OWN['of a local route'] ? 'mine' : 'ECONNRESET'
      t.equal(await intercepted(address, port), wanted, address)
    }
    const { length } = Object.values(OWN)
    const outcomes = (await host.records(length)).map(({ outcome }) => outcome)
    t.equal(outcomes.filter((each) => each === 'denied').length, length - 1)
  })
}
