import { networkInterfaces } from 'node:os'
import { readdirSync } from 'node:fs'
import t from 'tap'
import { native } from '../../../src/native.js'
import { thrown } from './loopback.js'

const NETLINK_ROUTE = 0
const NETLINK_GENERIC = 16
const NLM_F_REQUEST = 1
const NLM_F_ACK = 4
const NLM_F_DUMP = 0x300
const NLMSG_ERROR = 2
const NLMSG_DONE = 3
const RTM_NEWLINK = 16
const RTM_GETLINK = 18
const GENL_ID_CTRL = 16
const CTRL_CMD_GETFAMILY = 3
const CTRL_ATTR_FAMILY_ID = 1
const CTRL_ATTR_FAMILY_NAME = 2
const IFLA_IFNAME = 3

interface Message {
  type: number
  body: Buffer
}

function message(type: number, flags: number, body: Buffer): Buffer {
  const header = Buffer.alloc(16)
  header.writeUInt32LE(16 + body.length, 0)
  header.writeUInt16LE(type, 4)
  header.writeUInt16LE(flags | NLM_F_REQUEST, 6)
  header.writeUInt32LE(7, 8)
  return Buffer.concat([header, body])
}

function messages(datagrams: Buffer[]): Message[] {
  const out = []
  for (const datagram of datagrams) {
    for (let at = 0; at < datagram.length; at += (datagram.readUInt32LE(at) + 3) & ~3) {
      const length = datagram.readUInt32LE(at)
      out.push({ type: datagram.readUInt16LE(at + 4), body: datagram.subarray(at + 16, at + length) })
    }
  }
  return out
}

/** The attribute's bytes, looked for behind a fixed header of `skip` bytes. */
function attribute(body: Buffer, skip: number, wanted: number): Buffer | undefined {
  for (let at = skip; at + 4 <= body.length; at += (body.readUInt16LE(at) + 3) & ~3) {
    if ((body.readUInt16LE(at + 2) & 0x3fff) === wanted) {
      return body.subarray(at + 4, at + body.readUInt16LE(at))
    }
  }
  return undefined
}

function family(name: string, flags = 0): Buffer {
  const text = Buffer.from(`${name}\0`)
  const padded = Buffer.alloc(4 + ((text.length + 3) & ~3))
  padded.writeUInt16LE(4 + text.length, 0)
  padded.writeUInt16LE(CTRL_ATTR_FAMILY_NAME, 2)
  text.copy(padded, 4)
  const header = Buffer.from([CTRL_CMD_GETFAMILY, 1, 0, 0])
  return message(GENL_ID_CTRL, flags, Buffer.concat([header, padded]))
}

void t.test('a dump comes whole: every link, then DONE', (t) => {
  const all = messages(native.netlink(NETLINK_ROUTE, message(RTM_GETLINK, NLM_F_DUMP, Buffer.alloc(16))))
  t.equal(all.at(-1)?.type, NLMSG_DONE)
  const names = all
    .filter(({ type }) => type === RTM_NEWLINK)
    .map(({ body }) => attribute(body, 16, IFLA_IFNAME)?.toString('latin1').replace('\0', ''))
  t.same(names.sort(), readdirSync('/sys/class/net').sort())
  t.ok(Object.keys(networkInterfaces()).every((name) => names.includes(name)))
  t.end()
})

void t.test('a plain request is answered by one message', (t) => {
  const all = messages(native.netlink(NETLINK_GENERIC, family('mptcp_pm')))
  t.equal(all.length, 1)
  t.equal(all[0]?.type, GENL_ID_CTRL)
  const id = attribute(all[0]?.body ?? Buffer.alloc(0), 4, CTRL_ATTR_FAMILY_ID)
  t.ok((id?.readUInt16LE() ?? 0) > GENL_ID_CTRL, 'families have identifiers above the controller')
  t.end()
})

void t.test('with NLM_F_ACK the acknowledgement comes too', (t) => {
  const all = messages(native.netlink(NETLINK_GENERIC, family('mptcp_pm', NLM_F_ACK)))
  t.same(
    all.map(({ type }) => type),
    [GENL_ID_CTRL, NLMSG_ERROR],
  )
  t.equal(all[1]?.body.readInt32LE(), 0)
  t.end()
})

void t.test('the errors of the kernel are in the answer', (t) => {
  const [answer] = messages(native.netlink(NETLINK_GENERIC, family('no_such_family')))
  t.equal(answer?.type, NLMSG_ERROR)
  t.equal(answer?.body.readInt32LE(), -2, 'ENOENT')
  const [refused] = messages(native.netlink(NETLINK_ROUTE, message(0x7fff, NLM_F_ACK, Buffer.alloc(16))))
  t.equal(refused?.type, NLMSG_ERROR)
  t.equal(refused?.body.readInt32LE(), -95, 'EOPNOTSUPP')
  t.end()
})

void t.test('a request that the kernel passes over in silence ends with ETIMEDOUT', (t) => {
  // without NLM_F_REQUEST netlink drops the message (netlink_rcv_skb)
  const silent = message(RTM_GETLINK, 0, Buffer.alloc(16))
  silent.writeUInt16LE(0, 6)
  t.match(
    thrown(() => native.netlink(NETLINK_ROUTE, silent)),
    { code: 'ETIMEDOUT', syscall: 'netlink recv' },
  )
  t.end()
})

void t.test('wrong arguments', (t) => {
  const expected = {
    name: 'TypeError',
    message: 'request: expected a netlink message whose header says its length',
  }
  t.throws(() => native.netlink(NETLINK_ROUTE, Buffer.alloc(0)), expected)
  t.throws(() => native.netlink(NETLINK_ROUTE, Buffer.alloc(15)), expected)
  t.throws(() => native.netlink(NETLINK_ROUTE, Buffer.alloc(16)), expected, 'length 0')
  t.throws(() => native.netlink(NETLINK_ROUTE, family('mptcp_pm').subarray(0, 20)), expected, 'cut off')
  t.throws(() => native.netlink(NETLINK_ROUTE, 'x' as unknown as Uint8Array), {
    name: 'TypeError',
    message: 'request: expected a Uint8Array',
  })
  t.throws(() => native.netlink(9999, family('mptcp_pm')), {
    code: 'EPROTONOSUPPORT',
    syscall: 'netlink socket',
  })
  t.end()
})
