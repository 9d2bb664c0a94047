/**
 * Replies of the SOCKS5 service that need a network of their own: routes that lead nowhere, names
 * whose addresses are half dead, a resolver that does not answer.
 */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { inOwnNetwork } from '../../support/own-network.js'
import { start, type Command } from '../../support/process.js'
import { closedPort, echoServer, failure, request, server, Talker } from '../../unit/proxy/host.js'

/** Nobody answers here, and nobody says so. */
const SILENT = { v4: '10.99.0.50', v6: '2001:db8:99::50' }

function ip(...args: string[]): void {
  execFileSync('ip', args)
}

function network(): void {
  ip('link', 'add', 'here', 'type', 'veth', 'peer', 'name', 'there')
  for (const device of ['here', 'there']) ip('link', 'set', device, 'up')
  ip('address', 'add', '10.99.0.1/24', 'dev', 'here')
  ip('address', 'add', '2001:db8:99::1/64', 'dev', 'here', 'nodad')
  // frames for a station that is not there
  for (const address of [SILENT.v4, SILENT.v6]) {
    ip('neighbour', 'add', address, 'lladdr', '02:00:00:00:00:99', 'dev', 'here', 'nud', 'permanent')
  }
  ip('route', 'add', 'unreachable', '198.51.100.0/24')
  ip('route', 'add', 'prohibit', '203.0.113.0/24')
}

/** Starts the proxy with names and a resolver of its own. */
async function proxy(t: Test, dialTimeout: string): Promise<{ command: Command; port: number }> {
  const folder = t.testdir({
    'mptk.yaml': JSON.stringify({
      services: [
        {
          type: 'socks5',
          listen: '127.0.0.1:0',
          rules: [{ allow: { destinations: ['127.0.0.0/8', '::1'] } }],
          timeouts: { dial: dialTimeout },
        },
      ],
      log: { format: 'json' },
    }),
    hosts: [
      '127.0.0.1 localhost',
      '::1 refused6.test',
      '127.0.0.1 refused6.test',
      `${SILENT.v6} silent6.test`,
      '127.0.0.1 silent6.test',
      `${SILENT.v4} silent4.test`,
      '::1 silent4.test',
      '',
    ].join('\n'),
    'resolv.conf': `nameserver ${SILENT.v4}\noptions timeout:10 attempts:1\n`,
  })
  const mounts = ['hosts', 'resolv.conf'].map((file) => `mount --bind ${join(folder, file)} /etc/${file}`)
  const prefix = ['unshare', '--mount', 'sh', '-c', `${mounts.join(' && ')} && exec "$@"`, 'sh']
  const command = start(t, ['run', '--config', join(folder, 'mptk.yaml')], { prefix })
  return { command, port: (await command.addressOf('socks5')).port }
}

/** The proxy's whole answer after `05 01 00`. */
async function answer(t: Test, port: number, message: string): Promise<string> {
  const talker = await Talker.to(t, port)
  t.equal(await talker.send('05 01 00').take(2), '0500')
  return talker.send(message).rest()
}

if (inOwnNetwork(t, import.meta.url)) {
  network()

  void t.test('what the network says is what the client is told', async (t) => {
    const { port } = await proxy(t, '30s')
    t.equal(await answer(t, port, request('192.0.2.1', 80)), failure(3), 'no route: network unreachable')
    const ipv6 = '05 01 00 04 20010db8000000000000000000000001 0050'
    t.equal(await answer(t, port, ipv6), failure(3), 'no route in IPv6')
    t.equal(await answer(t, port, request('198.51.100.1', 80)), failure(4), 'a route that says unreachable')
    t.equal(await answer(t, port, request('203.0.113.1', 80)), failure(2), 'a route that says prohibited')
    t.equal(await answer(t, port, request('10.99.0.77', 80)), failure(4), 'no such neighbour')
    t.equal(await answer(t, port, request('127.0.0.1', await closedPort())), failure(5), 'refused')
    execFileSync('sysctl', ['-qw', 'net.ipv4.tcp_syn_retries=1'])
    t.equal(await answer(t, port, request(SILENT.v4, 80)), failure(6), 'the kernel gave up')
  })

  void t.test('no word of success before the destination is connected', async (t) => {
    const { command, port } = await proxy(t, '1s')
    const talker = await Talker.to(t, port)
    talker.send(`050100 ${request(SILENT.v4, 80)} 6869`)
    t.equal(await talker.rest(), `0500${failure(6)}`, 'nothing but the timeout')
    const { input } = await command.stderr.find(/"msg":"session ended"/)
    t.match(JSON.parse(input), {
      outcome: 'unreachable',
      error: `no connection to ${SILENT.v4}:80 within 1000 ms`,
    })
  })

  void t.test('names with a dead address and one that lives', async (t) => {
    const { port } = await proxy(t, '30s')
    const echo = await echoServer(t)
    const success = /^05000001/
    const success6 = /^05000004/
    const reply = async (host: string, to: number): Promise<string> => {
      const talker = await Talker.to(t, port)
      talker.send(`050100 ${request(host, to)}`)
      t.equal(await talker.take(2), '0500')
      return talker.take(10)
    }
    t.match(await reply('refused6.test', echo), success, 'IPv6 refused, IPv4 answers')
    t.match(await reply('silent6.test', echo), success, 'IPv6 silent, IPv4 answers')
    const echo6 = await server(t, (socket) => socket.pipe(socket), '::1')
    t.match(await reply('silent4.test', echo6), success6, 'IPv4 silent, IPv6 answers')
  })

  void t.test('a resolver that does not answer', async (t) => {
    const { port } = await proxy(t, '1s')
    t.equal(
      await answer(t, port, request('name.example', 80)),
      failure(6),
      'holds nobody longer than the dial timeout',
    )

    const { command, port: patient } = await proxy(t, '60s')
    const waiting = await Talker.to(t, patient)
    t.equal(await waiting.send(`050100 ${request('name.example', 80)}`).take(2), '0500')
    command.signal('SIGTERM')
    await command.stderr.find(/"outcome":"(unreachable|handshake)".*"error":"the service is stopping"/)
    t.match(await command.ended, { code: 0 })
  })
}
