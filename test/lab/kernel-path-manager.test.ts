/** Endpoints and limits through netlink, compared with what ip(8) says of the same namespace. */
import t, { type Test } from 'tap'
import { kernelChild, type RemoteKernel } from '../support/kernel-child.js'
import { Namespace } from '../support/netns.js'

function lab(t: Test): { here: Namespace; kernel: RemoteKernel } {
  const here = new Namespace(t, 'pm')
  here.run('ip', 'link', 'add', 'up0', 'type', 'veth', 'peer', 'name', 'far0')
  here.run('ip', 'link', 'set', 'up0', 'up')
  here.run('ip', 'address', 'add', '10.72.0.1/24', 'dev', 'up0')
  here.run('ip', 'address', 'add', 'fd00:72::1/64', 'dev', 'up0', 'nodad')
  return { here, kernel: kernelChild(t, { prefix: here.prefix }) }
}

void t.test('endpoints: what we add ip shows, what ip adds we list', async (t) => {
  const { here, kernel } = lab(t)
  t.strictSame(await kernel.endpoints(), [])
  const index = Number(here.run('cat', '/sys/class/net/up0/ifindex'))
  await kernel.addEndpoint({
    id: 5,
    address: '10.72.0.1',
    interfaceIndex: index,
    flags: ['subflow', 'backup'],
  })
  await kernel.addEndpoint({ address: 'fd00:72::1', port: 8443, interfaceIndex: 0, flags: ['signal'] })
  const shown = here.run('ip', 'mptcp', 'endpoint', 'show').trim().split('\n')
  t.match(shown[0], /^10\.72\.0\.1 id 5 subflow backup dev up0/)
  t.match(shown[1], /^fd00:72::1 port 8443 id 6 signal/)

  here.run('ip', 'mptcp', 'endpoint', 'add', '10.72.0.9', 'id', '9', 'dev', 'up0', 'subflow', 'fullmesh')
  t.strictSame(await kernel.endpoints(), [
    { id: 5, address: '10.72.0.1', interfaceIndex: index, flags: ['subflow', 'backup'] },
    { id: 6, address: 'fd00:72::1', port: 8443, interfaceIndex: 0, flags: ['signal'] },
    { id: 9, address: '10.72.0.9', interfaceIndex: index, flags: ['subflow', 'fullmesh'] },
  ])
  await kernel.removeEndpoint({ id: 5 })
  await kernel.removeEndpoint({ id: 9 })
  t.match(here.run('ip', 'mptcp', 'endpoint', 'show'), /^fd00:72::1 [^\n]*\n?$/)
})

void t.test('endpoints: refusals say what the kernel said', async (t) => {
  const { here, kernel } = lab(t)
  const endpoint = { address: '10.72.0.1', interfaceIndex: 0 }
  await kernel.addEndpoint({ ...endpoint, flags: ['subflow'] })
  await t.rejects(kernel.addEndpoint({ ...endpoint, flags: ['subflow'] }), {
    code: 'EEXIST',
    message: /^add endpoint 10\.72\.0\.1: EEXIST/,
  })
  await t.rejects(kernel.addEndpoint({ ...endpoint, address: '10.72.0.2', flags: ['signal', 'fullmesh'] }), {
    code: 'EINVAL',
  })
  await t.rejects(kernel.addEndpoint({ ...endpoint, address: 'up0', flags: ['subflow'] }), {
    code: 'MPTK_ADDRESS',
  })
  // only the kernel gives this flag, so asking for it is dropped in silence
  await t.rejects(kernel.addEndpoint({ ...endpoint, address: '10.72.0.3', flags: ['subflow', 'implicit'] }), {
    code: /EINVAL|MPTK_KERNEL_UNSUPPORTED/,
  })
  await t.rejects(kernel.removeEndpoint({ id: 77 }), { code: 'EINVAL' })
  t.match(
    here.run('ip', 'mptcp', 'endpoint', 'show'),
    /^10\.72\.0\.1 id 1 subflow\s*$/,
    'nothing was left behind',
  )
})

void t.test('limits', async (t) => {
  const { here, kernel } = lab(t)
  t.strictSame(await kernel.limits(), { subflows: 2, addAddrAccepted: 0 })
  await kernel.setLimits({ subflows: 5, addAddrAccepted: 3 })
  t.match(here.run('ip', 'mptcp', 'limits', 'show'), /add_addr_accepted 3 subflows 5/)
  here.run('ip', 'mptcp', 'limits', 'set', 'subflows', '7', 'add_addr_accepted', '1')
  t.strictSame(await kernel.limits(), { subflows: 7, addAddrAccepted: 1 })
  await t.rejects(kernel.setLimits({ subflows: 99, addAddrAccepted: 0 }), { code: 'EINVAL' })
  t.strictSame(await kernel.limits(), { subflows: 7, addAddrAccepted: 1 }, 'as before')
})
