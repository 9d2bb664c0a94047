/** Wishes a kernel cannot grant: an error, or a warning when the wish says `optional`. */
import { MptkError } from '../errors.js'
import type { SocketWish } from './kernel.js'

/** @throws {MptkError} MPTK_MPTCP_REQUIRED when the wish insists on what the reason denies */
export function refuseIfRequired(wish: SocketWish, reason: string): void {
  if (wish.transport === 'mptcp' && wish.mptcp === 'required') {
    throw new MptkError('MPTK_MPTCP_REQUIRED', `mptcp: required, but ${reason}`)
  }
}

/**
 * For kernels without schedulers and path managers per socket.
 * @param instead what this kernel has, by key, to end the sentence
 * @returns warnings for optional wishes @throws {MptkError} MPTK_KERNEL_UNSUPPORTED
 */
export function refusePerSocket(wish: SocketWish, instead: Record<PerSocketKey, string>): string[] {
  return PER_SOCKET_KEYS.flatMap((key) => {
    const wanted = wish[key]
    if (wanted === undefined) return []
    const words = `${key}: ${JSON.stringify(wanted.name)} for one socket is not possible on this kernel; ${instead[key]}`
    if (!wanted.optional) throw new MptkError('MPTK_KERNEL_UNSUPPORTED', words)
    return words
  })
}

export const PER_SOCKET_KEYS = ['scheduler', 'pathManager'] as const
export type PerSocketKey = (typeof PER_SOCKET_KEYS)[number]

/** @throws {MptkError} MPTK_KERNEL_UNSUPPORTED */
export function refuseEndpoints(flavour: string): never {
  throw new MptkError('MPTK_KERNEL_UNSUPPORTED', `endpoints and limits: ${flavour}`)
}
