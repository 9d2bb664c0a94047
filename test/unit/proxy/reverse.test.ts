// The TCP reverse proxy: a fixed target, and nothing to say.
import { createHash, randomBytes } from 'node:crypto'
import t from 'tap'
import { closedPort, echoServer, server, Talker, testHost } from './host.js'

void t.test('bytes both ways, and half-close', async (t) => {
  const port = await server(t, (socket) => {
    const hash = createHash('sha256')
    socket.on('data', (bytes) => hash.update(bytes))
    socket.on('end', () => socket.end(hash.digest()))
  })
  // loopback needs no rule here: the target is the owner's choice
  const { ports, records } = await testHost(t, { type: 'reverse-tcp', target: `127.0.0.1:${port}` })
  const payload = randomBytes(300_000)
  const talker = await Talker.to(t, ports[0] ?? 0)
  talker.send(payload).socket.end()
  t.equal(await talker.rest(), createHash('sha256').update(payload).digest('hex'))
  t.match(await records(1), [
    {
      service: 'reverse-tcp',
      destination: `127.0.0.1:${port}`,
      up: payload.length,
      down: 32,
      outcome: 'eof',
    },
  ])
})

void t.test('a server that speaks first', async (t) => {
  const port = await server(t, (socket) => socket.end('220 ready\r\n'))
  const { ports } = await testHost(t, { type: 'reverse-tcp', target: `localhost:${port}` })
  const talker = await Talker.to(t, ports[0] ?? 0)
  t.equal(Buffer.from(await talker.rest(), 'hex').toString(), '220 ready\r\n')
})

void t.test('a backend that is down is a reset', async (t) => {
  const target = `127.0.0.1:${await closedPort()}`
  const { ports, records } = await testHost(t, { type: 'reverse-tcp', target })
  const talker = await Talker.to(t, ports[0] ?? 0)
  t.equal(await talker.rest(), 'reset')
  t.match(await records(1), [{ outcome: 'unreachable', error: /ECONNREFUSED/, destination: target }])
})

void t.test('several services, several listeners', async (t) => {
  const echo = await echoServer(t)
  const target = `127.0.0.1:${echo}`
  const { host, ports } = await testHost(
    t,
    { type: 'reverse-tcp', target, listen: ['127.0.0.1:0', '[::1]:0'], transport: 'tcp' },
    { type: 'reverse-tcp', target },
    { type: 'reverse-tcp', target, name: 'web' },
  )
  t.strictSame(
    host.services.map(({ name }) => name),
    ['reverse-tcp', 'reverse-tcp-2', 'web'],
  )
  t.match(host.services[0]?.listeners, [
    { address: { address: '127.0.0.1' }, opened: { protocol: 'tcp' } },
    { address: { address: '::1' }, opened: { protocol: 'tcp' } },
  ])
  for (const port of ports) t.equal(await (await Talker.to(t, port)).send('6869').take(2), '6869')
})

void t.test('one listener that cannot be opened closes the others', async (t) => {
  const taken = await echoServer(t)
  const target = '127.0.0.1:1'
  const free = await closedPort()
  const listen = [`127.0.0.1:${free}`, `127.0.0.1:${taken}`]
  await t.rejects(testHost(t, { type: 'reverse-tcp', target, listen }), { code: 'MPTK_LISTEN' })
  const again = await testHost(t, { type: 'reverse-tcp', target, listen: listen.slice(0, 1) })
  t.strictSame(again.ports, [free])
})
