/** What the kernel tells of one subflow beyond its tcp_info: congestion control and backup. */
import { networkInterfaces } from 'node:os'
import { withoutZone, type SocketAddress } from '../address.js'
import { errnoName } from '../errors.js'
import {
  decodeDiagnosis,
  decodeSource,
  encodeLookup,
  encodeMptcpDump,
  type DiagnosedSubflow,
} from './diag-codec.js'
import { NLM_F_DUMP } from './netlink.js'
import { NETLINK_SOCK_DIAG, netlinkRequest } from './netlink-request.js'
import { readProc } from './sysctl.js'

const SOCK_DIAG_BY_FAMILY = 20

/** Empty when the kernel has no such socket (any more), no inet_diag, or does not let us ask. @throws {MptkError} MPTK_NETLINK */
export function diagnoseSubflow(local: SocketAddress, remote: SocketAddress): DiagnosedSubflow {
  // a subflow of an endpoint with a device is bound to it and is found only under its index
  for (const index of [0, interfaceIndexOf(local.address)]) {
    if (index === undefined) continue
    try {
      const [answer] = netlinkRequest(
        NETLINK_SOCK_DIAG,
        SOCK_DIAG_BY_FAMILY,
        0,
        encodeLookup(local, remote, index),
        'look up a subflow',
      )
      if (answer !== undefined) return decodeDiagnosis(answer.payload)
    } catch (error) {
      if (errnoName(error) === undefined) throw error
    }
  }
  return {}
}

/**
 * Addresses that live MPTCP connections of this network namespace began from; undefined when the
 * kernel does not tell. @throws {MptkError} MPTK_NETLINK
 */
export function mptcpSources(): ReadonlySet<string> | undefined {
  try {
    const answers = ([4, 6] as const).flatMap((family) =>
      netlinkRequest(
        NETLINK_SOCK_DIAG,
        SOCK_DIAG_BY_FAMILY,
        NLM_F_DUMP,
        encodeMptcpDump(family),
        'list MPTCP connections',
      ),
    )
    return new Set(answers.flatMap(({ payload }) => decodeSource(payload) ?? []))
  } catch (error) {
    if (errnoName(error) === undefined) throw error
    return undefined
  }
}

/** Index of the interface that has this address. */
function interfaceIndexOf(address: string): number | undefined {
  const plain = withoutZone(address)
  const found = Object.entries(networkInterfaces()).find(
    ([, addresses]) => addresses?.some((each) => each.address === plain) === true,
  )
  const index = found === undefined ? undefined : readProc(`/sys/class/net/${found[0]}/ifindex`)
  return index === undefined ? undefined : Number(index)
}
