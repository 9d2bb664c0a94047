/** Processes and connections on a machine made to look like the out-of-tree kernel. */
import type { Test } from 'tap'
import type { SocketWish } from '../../src/kernel/kernel.js'
import { kernelChild, type RemoteKernel } from './kernel-child.js'
import type { FakeKernel } from './preload.js'

/** A host that speaks MPTCP, as far as the library is concerned. */
export const PEER = '127.0.0.2'
export const MPTCP: SocketWish = { transport: 'mptcp' }
export const TCP: SocketWish = { transport: 'tcp' }

export function child(
  t: Test,
  fake: FakeKernel,
  more: Record<string, string> = {},
  prefix: string[] = [],
): RemoteKernel {
  return kernelChild(t, { env: fake.env('out-of-tree', { FAKE_MPTCP_PEERS: PEER, ...more }), prefix })
}

/** A connection to the peer, and the socket that it was accepted on there. */
export async function connected(kernel: RemoteKernel, wish: SocketWish): Promise<[number, number]> {
  const { port } = await kernel.listen({ address: PEER, port: 0 }, MPTCP)
  const fd = await kernel.connect({ address: PEER, port }, wish)
  return [fd, await kernel.accepted()]
}
