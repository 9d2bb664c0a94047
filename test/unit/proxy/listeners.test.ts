// One service on the addresses of both families, and transparent listeners asked for themselves.
import { connect } from 'node:net'
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { closedPort, Talker, testHost } from './host.js'

async function greeted(t: Test, host: string, port: number): Promise<string> {
  const socket = connect({ host, port })
  t.teardown(() => socket.destroy())
  await once(socket, 'connect')
  socket.write(Buffer.from([5, 1, 0]))
  const [answer] = (await once(socket, 'data')) as [Buffer]
  return answer.toString('hex')
}

void t.test('an IPv6 wildcard takes IPv4, unless IPv4 has a listener at the same port', async (t) => {
  for (const listen of [['[::]:PORT'], ['0.0.0.0:PORT', '[::]:PORT'], ['[::]:PORT', '127.0.0.1:PORT']]) {
    const port = await closedPort()
    const addresses = listen.map((each) => each.replace('PORT', String(port)))
    await testHost(t, { type: 'socks5', anonymous: true, listen: addresses })
    for (const host of ['127.0.0.1', '::1'])
      t.equal(await greeted(t, host, port), '0500', `${listen.join()}: ${host}`)
  }
})

void t.test('a connection to a transparent listener itself is reset', async (t) => {
  const port = await closedPort()
  for (const listen of [`127.0.0.1:${port}`, `[::]:${port}`]) {
    const { host, records } = await testHost(t, {
      type: 'transparent',
      listen,
      // so that nothing but the check is in its way
      rules: [{ allow: { destinations: ['0.0.0.0/0', '::/0'] } }],
    })
    t.equal(await (await Talker.to(t, port)).rest(), 'reset', listen)
    t.match(await records(1), [
      {
        outcome: 'handshake',
        error: `the client connected to 127.0.0.1:${port} itself: expected a connection that the firewall brought here`,
      },
    ])
    t.equal((await records(1)).length, 1)
    await host.stop()
  }
})
