/** The real code on a machine made to look as if its kernel had no MPTCP. */
import t from 'tap'
import type { SocketWish } from '../../../src/kernel/kernel.js'
import { REASON } from '../../../src/kernel/reasons.js'
import { attempts, kernelChild } from '../../support/kernel-child.js'
import { FakeKernel } from '../../support/preload.js'

const MPTCP: SocketWish = { transport: 'mptcp' }

void t.test('everything is TCP, and says why', async (t) => {
  const kernel = kernelChild(t, { env: new FakeKernel(t).env('tcp-only') })
  t.equal(await kernel.flavour(), 'tcp-only')
  t.equal(await kernel.whyNoMptcp(), REASON.notBuilt)
  const { port, ...opened } = await kernel.listen({ address: '127.0.0.1', port: 0 }, MPTCP)
  t.strictSame(opened, { protocol: 'tcp', reason: REASON.notBuilt })
  const fd = await kernel.connect({ address: '127.0.0.1', port }, { ...MPTCP, congestion: 'reno' })
  const accepted = await kernel.accepted()
  const reason = REASON.notBuilt
  t.strictSame(await kernel.verdict(accepted, { side: 'accepted', protocol: 'tcp', reason }), {
    protocol: 'tcp',
    reason,
  })
  t.strictSame(await kernel.verdict(fd, { side: 'connected', protocol: 'tcp' }), {
    protocol: 'tcp',
    reason: REASON.configured,
  })
  const info = await kernel.connectionInfo(fd)
  t.match(info, {
    protocol: 'tcp',
    reason,
    subflows: [{ congestion: 'reno', remote: { address: '127.0.0.1', port } }],
  })
  t.equal(await kernel.isMultipath(fd), false)
})

void t.test('what cannot be had', async (t) => {
  const kernel = kernelChild(t, { env: new FakeKernel(t).env('tcp-only') })
  for (const refused of attempts(kernel)) {
    await t.rejects(refused({ ...MPTCP, mptcp: 'required' }), { code: 'MPTK_MPTCP_REQUIRED' })
    await t.rejects(refused({ ...MPTCP, scheduler: { name: 'blest', optional: false } }), {
      code: 'MPTK_KERNEL_UNSUPPORTED',
      message: /^scheduler: "blest"/,
    })
    await t.rejects(refused({ transport: 'tcp', congestion: 'nonesuch' }), {
      code: 'MPTK_KERNEL_UNSUPPORTED',
    })
  }
  const optional: SocketWish = { ...MPTCP, pathManager: { name: 'fullmesh', optional: true } }
  t.match(await kernel.check(optional), [/^pathManager: "fullmesh"/])
  t.match(await kernel.openSocket(4, optional), { protocol: 'tcp' })
  t.strictSame(await kernel.endpoints(), [])
  await t.rejects(kernel.setLimits({ subflows: 2, addAddrAccepted: 2 }), { code: 'MPTK_KERNEL_UNSUPPORTED' })
})
