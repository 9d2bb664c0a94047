import t from 'tap'
import { UpstreamRefusal } from '../../../proxy/socks5/client.js'
import { ProtocolError, REPLY } from '../../../proxy/socks5/codec.js'
import { replyFor } from '../../../proxy/socks5/reply.js'
import { MptkError, type ErrorCode } from '../../../src/errors.js'

function system(code: string): Error {
  return Object.assign(new Error(code), { code, errno: 1, syscall: 'connect' })
}

void t.test('reasons and their codes of RFC 1928 §6, and one of our own', (t) => {
  for (const [errno, reply] of [
    ['ECONNREFUSED', 5],
    ['ENETUNREACH', 3],
    ['ENETDOWN', 3],
    ['EADDRNOTAVAIL', 3],
    ['EHOSTUNREACH', 4],
    ['EHOSTDOWN', 4],
    ['ETIMEDOUT', 6],
    ['EACCES', 2],
    ['EPERM', 2],
    ['EMFILE', 1],
    ['ECONNRESET', 1],
  ] as const) {
    t.equal(replyFor(system(errno)), reply, errno)
  }
  for (const [code, reply] of [
    ['MPTK_DENIED', 2],
    ['MPTK_RESOLVE', 4],
    ['MPTK_TIMEOUT', 6],
    ['MPTK_LIMIT', 0x4c],
    ['MPTK_UPSTREAM', 1],
    ['MPTK_MPTCP_REQUIRED', 1],
  ] as const satisfies [ErrorCode, number][]) {
    t.equal(replyFor(new MptkError(code, 'x')), reply, code)
  }
  for (const reply of Object.values(REPLY)) {
    t.equal(
      replyFor(new UpstreamRefusal(reply, { host: 'a', port: 1 })),
      reply,
      "the upstream's word is passed on",
    )
  }
  t.equal(replyFor(new ProtocolError('x', REPLY.addressTypeNotSupported)), 8)
  t.equal(replyFor(new ProtocolError('x')), 1)
  t.equal(replyFor('anything'), 1)
  t.end()
})
