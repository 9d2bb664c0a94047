/** The real code on a machine made to look like the out-of-tree kernel v0.95; addresses of loopback play remote hosts. */
import t from 'tap'
import type { Origin } from '../../../src/kernel/kernel.js'
import { REASON } from '../../../src/kernel/reasons.js'
import { attempts, kernelChild } from '../../support/kernel-child.js'
import { child, connected, MPTCP, PEER, TCP } from '../../support/out-of-tree.js'
import { bootedOutOfTree, FakeKernel } from '../../support/preload.js'

void t.test('detection', async (t) => {
  t.equal(await child(t, bootedOutOfTree(t)).flavour(), 'out-of-tree')
  const container = new FakeKernel(t)
  container.write('net/mptcp_net/snmp', '')
  t.equal(await child(t, container).flavour(), 'out-of-tree', 'in a container')
  const hidden = new FakeKernel(t)
  t.equal(
    await kernelChild(t, { env: hidden.env('v0.96') }).flavour(),
    'out-of-tree',
    'v0.96, by its sockets',
  )
  t.equal(await kernelChild(t, { env: hidden.env('tcp-only') }).flavour(), 'tcp-only')
})

void t.test('a connection that negotiated MPTCP', async (t) => {
  const fake = bootedOutOfTree(t)
  const kernel = child(t, fake)
  t.equal(await kernel.whyNoMptcp(), undefined)
  t.match(await kernel.listen({ address: '127.0.0.1', port: 0 }, MPTCP), { protocol: 'mptcp' })
  const [fd, accepted] = await connected(kernel, { ...MPTCP, congestion: 'reno' })
  t.strictSame(await kernel.verdict(fd), { protocol: 'mptcp' })
  t.ok(await kernel.isMultipath(fd))
  await kernel.write(accepted, 'hello')
  t.equal(await kernel.read(fd), 'hello')

  const {
    subflows: [first],
  } = await kernel.connectionInfo(fd)
  const local = first?.local.port.toString(16).toUpperCase().padStart(4, '0') ?? ''
  const remote = first?.remote.port.toString(16).toUpperCase().padStart(4, '0') ?? ''
  fake.write(
    'net/mptcp_net/mptcp',
    `   0: CAFE0001 1  0 0100007F:${local}      0200007F:${remote}   01 02 00000000:00000000 7`,
  )
  const info = await kernel.connectionInfo(fd)
  t.match(info, { protocol: 'mptcp', token: 0xcafe0001, bytesReceived: 5 })
  t.match(info.subflows, [
    { local: { address: '127.0.0.1' }, remote: { address: PEER }, state: 'established', congestion: 'reno' },
    { local: { address: '192.0.2.7' }, remote: { address: PEER }, rtt: 20, bytesReceived: 5 },
  ])
  t.equal(info.subflows.length, 2)
  t.equal(info.subflows[0]?.backup, undefined, 'this kernel does not tell')
})

void t.test('the initial subflow has ended', async (t) => {
  const kernel = child(t, bootedOutOfTree(t), { FAKE_MASTER_GONE: '1' })
  const [fd] = await connected(kernel, MPTCP)
  t.equal((await kernel.connectionInfo(fd)).subflows.length, 2)
})

void t.test('why TCP', async (t) => {
  const kernel = child(t, bootedOutOfTree(t), { FAKE_MPTCP_PEERS: `${PEER} 127.0.0.9` })
  const [fd, accepted] = await connected(kernel, TCP)
  const configured: Origin = { side: 'connected', protocol: 'tcp' }
  t.strictSame(
    await kernel.verdict(fd, configured),
    { protocol: 'tcp', reason: REASON.configured },
    'though the peer would speak it',
  )
  t.equal(await kernel.isMultipath(fd), false)
  t.strictSame(await kernel.verdict(accepted, { side: 'accepted', protocol: 'mptcp' }), {
    protocol: 'tcp',
    reason: REASON.loopback,
  })
  const info = await kernel.connectionInfo(fd, configured)
  t.match(info, { protocol: 'tcp', subflows: [{ local: { address: '127.0.0.1' }, state: 'established' }] })
  t.equal(info.subflows.length, 1)
})

void t.test('switched off', async (t) => {
  const off = bootedOutOfTree(t)
  off.write('sys/net/mptcp/mptcp_enabled', 0)
  const container = new FakeKernel(t)
  container.write('net/mptcp_net/snmp', '')
  for (const [what, kernel] of [
    ['by the sysctl', child(t, off)],
    ['by a sysctl out of sight', child(t, container, { FAKE_ENABLED: '0' })],
  ] as const) {
    t.equal(await kernel.whyNoMptcp(), REASON.disabledOutOfTree, what)
    const opened = await kernel.openSocket(4, {
      ...MPTCP,
      scheduler: { name: 'roundrobin', optional: false },
    })
    t.match(opened, { protocol: 'tcp', reason: REASON.disabledOutOfTree })
    t.match(
      await kernel.openSocket(6, TCP),
      { protocol: 'tcp' },
      'a TCP socket cannot be told anything, and need not',
    )
    for (const refused of attempts(kernel)) {
      await t.rejects(refused({ ...MPTCP, mptcp: 'required' }), {
        code: 'MPTK_MPTCP_REQUIRED',
        message: /net\.mptcp\.mptcp_enabled is 0/,
      })
    }
    const report = await kernel.report()
    t.match(report, { flavour: 'out-of-tree', mptcp: false })
    t.match(
      report.findings.find(({ name }) => name === 'mptcp'),
      {
        level: 'problem',
        mend: 'sysctl -w net.mptcp.mptcp_enabled=1',
      },
    )
    const [fd] = await connected(kernel, MPTCP)
    t.match(await kernel.verdict(fd, { side: 'connected', ...opened }), { reason: REASON.disabledOutOfTree })
  }
})

void t.test('mptcp_enabled 2: only sockets that are told to', async (t) => {
  const fake = bootedOutOfTree(t)
  fake.write('sys/net/mptcp/mptcp_enabled', 2)
  const kernel = child(t, fake)
  const [spoken] = await connected(kernel, MPTCP)
  t.strictSame(await kernel.verdict(spoken), { protocol: 'mptcp' })
  const [plain] = await connected(kernel, TCP)
  t.match(await kernel.verdict(plain), { protocol: 'tcp' })
})

void t.test('endpoints and limits are not this kernel’s', async (t) => {
  const kernel = child(t, bootedOutOfTree(t))
  t.strictSame(await kernel.endpoints(), [])
  t.equal(await kernel.limits(), undefined)
  const refused = { code: 'MPTK_KERNEL_UNSUPPORTED', message: /path manager is a name/ }
  await t.rejects(kernel.addEndpoint({ address: '10.0.0.1', interfaceIndex: 0, flags: ['subflow'] }), refused)
  await t.rejects(kernel.removeEndpoint({ id: 1 }), refused)
  await t.rejects(kernel.setLimits({ subflows: 2, addAddrAccepted: 2 }), refused)
})

void t.test('the report', async (t) => {
  const fake = bootedOutOfTree(t)
  const report = await child(t, fake).report()
  t.match(report, {
    flavour: 'out-of-tree',
    mptcp: true,
    sysctls: { 'net.mptcp.mptcp_enabled': '1', 'net.mptcp.mptcp_scheduler': 'default' },
    schedulers: { available: ['default', 'roundrobin', 'redundant', 'blest'], default: 'default' },
    pathManagers: { available: ['default', 'fullmesh', 'ndiffports'], default: 'default' },
    endpoints: [],
  })
  const named = (name: string): unknown => report.findings.find((each) => each.name === name)
  t.match(named('mptcp'), { level: 'ok', value: /every TCP socket does unless told not to/ })
  t.match(named('net.mptcp.mptcp_version'), { level: 'info', value: /upstream kernels speak version 1 only/ })
  t.match(named('fallbacks'), { value: /^2 of 9 / })
  fake.write('sys/net/mptcp/mptcp_debug', 1)
  const again = await child(t, fake).report()
  t.match(
    again.findings.find(({ name }) => name === 'net.mptcp.mptcp_debug'),
    { level: 'warning' },
  )
})
