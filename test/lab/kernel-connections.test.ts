/** Connections over two real paths, and over none: what the kernel interface says of them. */
import t, { type Test } from 'tap'
import { congestionControls } from '../../src/kernel/congestion.js'
import type { SocketWish } from '../../src/kernel/kernel.js'
import { REASON } from '../../src/kernel/reasons.js'
import { kernelChild, type RemoteKernel } from '../support/kernel-child.js'
import { join, Namespace } from '../support/netns.js'
import { until } from '../support/until.js'

const WISH: SocketWish = { transport: 'mptcp' }
const SERVER = '10.71.1.2'
const SECOND = '10.71.2.1'
/** Words that run a command without any capability. */
const NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']

const { available, allowed } = congestionControls()
const restricted = available.find((name) => !allowed.includes(name)) ?? ''
const restrictedOnly = {
  skip: restricted === '' && 'this machine allows every congestion control to everybody',
}

interface Lab {
  client: Namespace
  server: Namespace
}

/**
 * ```
 *            ┌─ 10.71.1.1 ════ 10.71.1.2 ─┐
 *   client ──┤                            ├── server
 *            └─ 10.71.2.1 ════ 10.71.2.2 ─┘
 * ```
 */
function twoPaths(t: Test): Lab {
  const lab = { client: new Namespace(t, 'client'), server: new Namespace(t, 'server') }
  join(lab.client, lab.server, 1, '10.71.1')
  join(lab.client, lab.server, 2, '10.71.2')
  // what leaves with the second address leaves by the second path, wherever it goes
  lab.client.run('ip', 'route', 'add', 'default', 'via', '10.71.2.2', 'dev', 'l2', 'table', '2')
  lab.client.run('ip', 'rule', 'add', 'from', SECOND, 'table', '2')
  return lab
}

/** One connection with a byte each way, so that the handshake of MPTCP is complete on both sides. */
async function connection(
  client: RemoteKernel,
  server: RemoteKernel,
  wish = WISH,
): Promise<[number, number]> {
  const { port } = await server.listen({ address: SERVER, port: 0 }, WISH)
  const fd = await client.connect({ address: SERVER, port }, wish)
  const accepted = await server.accepted()
  await client.write(fd, 'ping')
  await server.read(accepted)
  await server.write(accepted, 'pong')
  await client.read(fd)
  return [fd, accepted]
}

async function untilSubflows(kernel: RemoteKernel, fd: number, count: number): Promise<void> {
  await until('subflows', async () => {
    const { subflows } = await kernel.connectionInfo(fd)
    const up = subflows.filter(({ state }) => state === 'established').length
    return up === count && subflows.length === count ? undefined : `${up} of ${subflows.length} established`
  })
}

void t.test('two subflows, one of them backup', async (t) => {
  const { client, server } = twoPaths(t)
  const kernel = kernelChild(t, { prefix: client.prefix })
  const peer = kernelChild(t, { prefix: server.prefix })
  const index = Number(client.run('cat', '/sys/class/net/l2/ifindex'))
  await kernel.addEndpoint({ address: SECOND, interfaceIndex: index, flags: ['subflow', 'backup'] })
  const [fd, accepted] = await connection(kernel, peer, { ...WISH, congestion: 'reno' })
  await untilSubflows(kernel, fd, 2)
  await untilSubflows(peer, accepted, 2)

  const info = await kernel.connectionInfo(fd)
  t.equal(info.protocol, 'mptcp')
  t.equal(info.reason, undefined)
  t.match(client.run('ss', '-tinH'), (info.token ?? 0).toString(16).padStart(8, '0'), 'token as ss prints it')
  const [first, second] = info.subflows
  t.match(first, { local: { address: '10.71.1.1' }, remote: { address: SERVER }, backup: false })
  t.match(second, { local: { address: SECOND }, remote: { address: SERVER }, backup: true })
  t.equal(first?.remote.port, second?.remote.port)
  t.not(first?.local.port, second?.local.port)
  for (const { rtt, congestionWindow, congestion } of info.subflows) {
    t.ok(rtt > 0, 'the handshake measured a round trip')
    t.ok(congestionWindow > 0)
    t.equal(congestion, 'reno')
  }
  t.equal(info.bytesSent, 4)
  t.equal(info.bytesReceived, 4)

  const there = await peer.connectionInfo(accepted)
  t.strictSame(
    there.subflows.map(({ remote }) => remote).sort((a, b) => a.address.localeCompare(b.address)),
    info.subflows.map(({ local }) => local),
    'the other end sees the same subflows',
  )
  t.equal(there.subflows.find(({ remote }) => remote.address === SECOND)?.backup, true)
  t.equal(there.token === info.token, false, 'each end has a token of its own')
  t.strictSame(await kernel.verdict(fd), { protocol: 'mptcp' })
  t.strictSame(await peer.verdict(accepted), { protocol: 'mptcp' })
  t.ok(await kernel.isMultipath(fd))

  const [endpoint] = await kernel.endpoints()
  await kernel.removeEndpoint({ id: endpoint?.id ?? -1 })
  await untilSubflows(kernel, fd, 1)
  t.match((await kernel.connectionInfo(fd)).subflows, [{ local: { address: '10.71.1.1' } }])
})

void t.test('the initial subflow gone: it is not listed any more', async (t) => {
  const { client, server } = twoPaths(t)
  const kernel = kernelChild(t, { prefix: client.prefix })
  const peer = kernelChild(t, { prefix: server.prefix })
  await kernel.addEndpoint({ address: SECOND, interfaceIndex: 0, flags: ['subflow'] })
  const [fd] = await connection(kernel, peer)
  await untilSubflows(kernel, fd, 2)
  await kernel.removeEndpoint({ id: 0, address: '10.71.1.1' })
  await untilSubflows(kernel, fd, 1)
  const { subflows } = await kernel.connectionInfo(fd)
  t.match(subflows, [{ local: { address: SECOND } }])
})

void t.test('without privileges: subflows are listed, endpoints cannot be changed', async (t) => {
  const { client, server } = twoPaths(t)
  const root = kernelChild(t, { prefix: client.prefix })
  const kernel = kernelChild(t, { prefix: [...client.prefix, ...NOBODY] })
  const peer = kernelChild(t, { prefix: server.prefix })
  await root.addEndpoint({ address: SECOND, interfaceIndex: 0, flags: ['subflow', 'backup'] })
  const [fd] = await connection(kernel, peer)
  await untilSubflows(kernel, fd, 2)
  const { subflows } = await kernel.connectionInfo(fd)
  t.strictSame(
    subflows.map(({ local }) => local.address),
    ['10.71.1.1', SECOND],
  )
  await t.rejects(kernel.addEndpoint({ address: '10.71.1.1', interfaceIndex: 0, flags: ['subflow'] }), {
    code: 'EPERM',
  })
  t.match(await kernel.report(), { flavour: 'upstream', mptcp: true })
})

void t.test('congestion control', async (t) => {
  const here = new Namespace(t, 'congestion')
  const root = kernelChild(t, { prefix: here.prefix })
  const nobody = kernelChild(t, { prefix: [...here.prefix, ...NOBODY] })
  const unknown = { code: 'MPTK_KERNEL_UNSUPPORTED', message: /congestion.*"nonesuch"; it has .*reno/ }
  for (const transport of ['mptcp', 'tcp'] as const) {
    await t.rejects(root.check({ transport, congestion: 'nonesuch' }), unknown)
    await t.rejects(root.openSocket(4, { transport, congestion: 'nonesuch' }), unknown)
    t.strictSame(await nobody.check({ transport, congestion: 'reno' }), [])
  }
})

void t.test('a congestion control that is not for everybody', restrictedOnly, async (t) => {
  const here = new Namespace(t, 'restricted')
  const root = kernelChild(t, { prefix: here.prefix })
  const nobody = kernelChild(t, { prefix: [...here.prefix, ...NOBODY] })
  t.strictSame(await root.check({ ...WISH, congestion: restricted }), [])
  await t.rejects(nobody.check({ ...WISH, congestion: restricted }), {
    code: 'MPTK_KERNEL_UNSUPPORTED',
    message: new RegExp(`congestion: ${restricted} needs CAP_NET_ADMIN`),
  })
})

void t.test('the server has MPTCP off', async (t) => {
  const { client, server } = twoPaths(t)
  server.setSysctl('net.mptcp.enabled', 0)
  const kernel = kernelChild(t, { prefix: client.prefix })
  const peer = kernelChild(t, { prefix: server.prefix })
  const listener = await peer.listen({ address: SERVER, port: 0 }, WISH)
  t.match(listener, { protocol: 'tcp', reason: REASON.disabledUpstream })
  const fd = await kernel.connect({ address: SERVER, port: listener.port }, WISH)
  const accepted = await peer.accepted()
  const origin = { side: 'connected', protocol: 'mptcp' } as const
  const info = await kernel.connectionInfo(fd, origin)
  t.match(info, { protocol: 'tcp', reason: REASON.peerAnsweredWithout })
  t.match(info.subflows, [
    { local: { address: '10.71.1.1' }, remote: { address: SERVER, port: listener.port } },
  ])
  t.equal(info.subflows.length, 1)
  t.equal(info.token, undefined)
  t.ok(await kernel.isMultipath(fd), 'bytes still come through the MPTCP socket')
  t.strictSame(
    await peer.verdict(accepted, { side: 'accepted', protocol: 'tcp', reason: REASON.disabledUpstream }),
    {
      protocol: 'tcp',
      reason: REASON.disabledUpstream,
    },
  )
  t.equal(await peer.isMultipath(accepted), false)
  await t.rejects(peer.listen({ address: SERVER, port: 0 }, { ...WISH, mptcp: 'required' }), {
    code: 'MPTK_MPTCP_REQUIRED',
    message: new RegExp(REASON.disabledUpstream),
  })
  await t.rejects(peer.check({ ...WISH, mptcp: 'required' }), { code: 'MPTK_MPTCP_REQUIRED' })
  t.equal(await peer.whyNoMptcp(), REASON.disabledUpstream)
})

void t.test('the client does not ask', async (t) => {
  const { client, server } = twoPaths(t)
  const kernel = kernelChild(t, { prefix: client.prefix })
  const peer = kernelChild(t, { prefix: server.prefix })
  const [fd, accepted] = await connection(kernel, peer, { transport: 'tcp' })
  t.strictSame(await kernel.verdict(fd, { side: 'connected', protocol: 'tcp' }), {
    protocol: 'tcp',
    reason: REASON.configured,
  })
  t.strictSame(await peer.verdict(accepted, { side: 'accepted', protocol: 'mptcp' }), {
    protocol: 'tcp',
    reason: REASON.clientDidNotAsk,
  })
  t.match(await kernel.connectionInfo(fd), {
    bytesSent: 4,
    bytesReceived: 4,
    subflows: [{ state: 'established' }],
  })
})

void t.test('a middlebox removes the option', async (t) => {
  const { client, server } = twoPaths(t)
  client.run('nft', 'add table inet strip')
  client.run('nft', 'add chain inet strip out { type filter hook output priority 0; }')
  client.run('nft', 'add rule inet strip out reset tcp option 30')
  const kernel = kernelChild(t, { prefix: client.prefix })
  const peer = kernelChild(t, { prefix: server.prefix })
  const [fd, accepted] = await connection(kernel, peer)
  t.strictSame(await kernel.verdict(fd, { side: 'connected', protocol: 'mptcp' }), {
    protocol: 'tcp',
    reason: REASON.peerAnsweredWithout,
  })
  t.match(await peer.verdict(accepted, { side: 'accepted', protocol: 'mptcp' }), { protocol: 'tcp' })
})

void t.test('a middlebox removes the option from data only', async (t) => {
  const { client, server } = twoPaths(t)
  client.run('nft', 'add table inet strip')
  client.run('nft', 'add chain inet strip out { type filter hook output priority 0; }')
  client.run('nft', 'add rule inet strip out meta length > 500 reset tcp option 30')
  const kernel = kernelChild(t, { prefix: client.prefix })
  const peer = kernelChild(t, { prefix: server.prefix })
  const { port } = await peer.listen({ address: SERVER, port: 0 }, WISH)
  const fd = await kernel.connect({ address: SERVER, port }, WISH)
  const accepted = await peer.accepted()
  const origin = { side: 'accepted', protocol: 'mptcp' } as const
  t.strictSame(await peer.verdict(accepted, origin), { protocol: 'mptcp' }, 'the handshake went through')
  await kernel.write(fd, 'x'.repeat(1000))
  t.equal((await peer.read(accepted))?.length, 1000, 'nothing is lost')
  t.strictSame(await peer.verdict(accepted, origin), { protocol: 'tcp', reason: REASON.lostLater })
  const info = await peer.connectionInfo(accepted, origin)
  t.match(info, { protocol: 'tcp', bytesReceived: 1000, subflows: [{ remote: { address: '10.71.1.1' } }] })
})

void t.test('IPv6', async (t) => {
  const { client, server } = twoPaths(t)
  client.run('ip', 'address', 'add', 'fd00:71::1/64', 'dev', 'l1', 'nodad')
  server.run('ip', 'address', 'add', 'fd00:71::2/64', 'dev', 'r1', 'nodad')
  const kernel = kernelChild(t, { prefix: client.prefix })
  const peer = kernelChild(t, { prefix: server.prefix })
  const { port } = await peer.listen({ address: '::', port: 0 }, WISH)
  const six = await kernel.connect({ address: 'fd00:71::2', port }, WISH)
  t.match(await kernel.connectionInfo(six), {
    protocol: 'mptcp',
    subflows: [{ local: { address: 'fd00:71::1' }, remote: { address: 'fd00:71::2', port }, backup: false }],
  })
  await peer.accepted()
  const four = await kernel.connect({ address: SERVER, port }, WISH)
  t.match(await peer.connectionInfo(await peer.accepted()), {
    protocol: 'mptcp',
    subflows: [{ backup: false }],
  })
  t.match(await kernel.connectionInfo(four), { protocol: 'mptcp' })
})
