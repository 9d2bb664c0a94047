/** What the out-of-tree kernel lets root set for one socket, and nobody else: needs CAP_NET_ADMIN. */
import t from 'tap'
import type { SocketWish } from '../../src/kernel/kernel.js'
import { attempts } from '../support/kernel-child.js'
import { child, connected, MPTCP } from '../support/out-of-tree.js'
import { bootedOutOfTree } from '../support/preload.js'

const SCHEDULER = 43
const PATH_MANAGER = 44

void t.test('scheduler and path manager for one socket', async (t) => {
  const kernel = child(t, bootedOutOfTree(t))
  const wish: SocketWish = {
    ...MPTCP,
    scheduler: { name: 'roundrobin', optional: false },
    pathManager: { name: 'fullmesh', optional: false },
  }
  t.strictSame(await kernel.check(wish), [])
  const [fd] = await connected(kernel, wish)
  t.equal(await kernel.getName(fd, SCHEDULER), 'roundrobin')
  t.equal(await kernel.getName(fd, PATH_MANAGER), 'fullmesh')

  const unknown: SocketWish = { ...wish, scheduler: { name: 'rr', optional: false } }
  const words =
    /^scheduler: this kernel has no "rr"; it has default, roundrobin, redundant, blest \(net\.mptcp\.mptcp_scheduler is default\)/
  for (const refused of attempts(kernel)) {
    await t.rejects(refused(unknown), { code: 'MPTK_KERNEL_UNSUPPORTED', message: words })
  }
  const optional: SocketWish = { ...wish, scheduler: { name: 'rr', optional: true } }
  t.match(await kernel.check(optional), [words])
  const [partly] = await connected(kernel, optional)
  t.equal(await kernel.getName(partly, SCHEDULER), '', 'left to the system')
  t.equal(await kernel.getName(partly, PATH_MANAGER), 'fullmesh', 'the other wish is granted')
  t.strictSame(await kernel.verdict(partly), { protocol: 'mptcp' })
})

void t.test('scheduler without CAP_NET_ADMIN', async (t) => {
  const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
  const kernel = child(t, bootedOutOfTree(t), {}, nobody)
  const wish = (name: string, optional: boolean): SocketWish => ({ ...MPTCP, scheduler: { name, optional } })
  await t.rejects(kernel.check(wish('blest', false)), {
    code: 'MPTK_KERNEL_UNSUPPORTED',
    message: /"blest" for one socket needs CAP_NET_ADMIN.*net\.mptcp\.mptcp_scheduler is default/,
  })
  await t.rejects(kernel.openSocket(4, wish('ecf', false)), { message: /this kernel has no "ecf"/ })
  t.match(await kernel.openSocket(4, wish('blest', true)), { protocol: 'mptcp' })
  t.match(await kernel.openSocket(4, MPTCP), { protocol: 'mptcp' }, 'MPTCP itself needs no privilege')
})
