/**
 * `congestion: auto`: what sockets of each kind get where the machine's own choice is another. In
 * public reports: a bonded connection slower than one line, because the default was cubic or reno.
 */
import t from 'tap'
import { congestionControls } from '../../src/kernel/congestion.js'
import type { SocketWish } from '../../src/kernel/kernel.js'
import { kernelChild, type RemoteKernel } from '../support/kernel-child.js'
import { join, Namespace } from '../support/netns.js'

const TCP_CONGESTION = 13
const SERVER = '10.72.1.2'
const NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']

const { available, allowed } = congestionControls()
const withBbr = { skip: !available.includes('bbr') && 'this kernel has no bbr loaded' }

async function accept(
  client: RemoteKernel,
  server: RemoteKernel,
  port: number,
  wish: SocketWish,
): Promise<{ client: string; server: string }> {
  const fd = await client.connect({ address: SERVER, port }, wish)
  const accepted = await server.accepted()
  await client.write(fd, 'ping')
  await server.read(accepted)
  return {
    client: await client.getName(fd, TCP_CONGESTION),
    server: await server.getName(accepted, TCP_CONGESTION),
  }
}

void t.test('where the machine has reno for everybody', withBbr, async (t) => {
  const lab = { client: new Namespace(t, 'client'), server: new Namespace(t, 'server') }
  join(lab.client, lab.server, 1, '10.72.1')
  for (const each of Object.values(lab)) each.setSysctl('net.ipv4.tcp_congestion_control', 'reno')
  const client = kernelChild(t, { prefix: lab.client.prefix })
  const server = kernelChild(t, { prefix: lab.server.prefix })
  const listening = async (wish: SocketWish): Promise<number> =>
    (await server.listen({ address: SERVER, port: 0 }, wish)).port

  const port = await listening({ transport: 'mptcp' })
  for (const [what, wish] of [
    ['auto', { transport: 'mptcp', congestion: 'auto' }],
    ['nothing said', { transport: 'mptcp' }],
  ] as const) {
    t.strictSame(await client.check(wish), [])
    t.strictSame(await accept(client, server, port, wish), { client: 'bbr', server: 'bbr' }, what)
  }
  t.strictSame(
    await accept(client, server, port, { transport: 'tcp', congestion: 'auto' }),
    { client: 'reno', server: 'reno' },
    'a TCP leg, accepted on the same listener',
  )
  t.strictSame(
    await accept(client, server, port, { transport: 'mptcp', congestion: 'reno' }),
    { client: 'reno', server: 'bbr' },
    'a name is honoured',
  )
  const named = await listening({ transport: 'mptcp', congestion: 'reno' })
  t.strictSame(
    await accept(client, server, named, { transport: 'mptcp' }),
    { client: 'bbr', server: 'reno' },
    'and inherited by what is accepted',
  )

  const forAll = { skip: !allowed.includes('bbr') && 'bbr is not for everybody here' }
  await t.test('without privileges, where everybody may have it', forAll, async (t) => {
    const nobody = kernelChild(t, { prefix: [...lab.client.prefix, ...NOBODY] })
    t.strictSame(await nobody.check({ transport: 'mptcp' }), [])
    t.equal((await accept(nobody, server, port, { transport: 'mptcp' })).client, 'bbr')
  })

  await t.test('MPTCP off: nothing to choose, and nothing to say of it', async (t) => {
    lab.server.setSysctl('net.mptcp.enabled', 0)
    t.strictSame(await server.check({ transport: 'mptcp' }), [])
    const off = await listening({ transport: 'mptcp' })
    t.equal((await accept(client, server, off, { transport: 'tcp' })).server, 'reno')
  })
})
