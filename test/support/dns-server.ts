/** A DNS server on loopback that answers as a test says, or not at all (RFC 1035 §4). */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { Test } from 'tap'

export type DnsReply = { addresses: string[]; ttl?: number } | { rcode: number } | 'silence'

export const NO_SUCH_NAME: DnsReply = { rcode: 3 }
export const SERVER_FAILURE: DnsReply = { rcode: 2 }

export interface DnsServer {
  port: number
  /** As resolv.conf has it. */
  line: string
  /** What was asked, in order: `A name`, `AAAA name`. */
  asked: string[]
}

const TYPES: Readonly<Record<number, 'A' | 'AAAA'>> = { 1: 'A', 28: 'AAAA' }

/** @param reply to the question; addresses of the other type are left out */
export async function dnsServer(
  t: Test,
  reply: (name: string, type: 'A' | 'AAAA') => DnsReply,
  { address = '127.0.0.1', port = 0 } = {},
): Promise<DnsServer> {
  const socket = createSocket('udp4')
  const asked: string[] = []
  socket.on('message', (message, from) => {
    const question = readQuestion(message)
    const type = TYPES[question.type]
    if (type === undefined) return
    asked.push(`${type} ${question.name}`)
    const said = reply(question.name, type)
    if (said !== 'silence') socket.send(answer(message, question, said), from.port, from.address)
  })
  socket.bind(port, address)
  await once(socket, 'listening')
  t.teardown(() => new Promise<void>((resolve) => socket.close(() => resolve())))
  const bound = socket.address().port
  const line = bound === 53 ? `nameserver ${address}\n` : `nameserver [${address}]:${bound}\n`
  return { port: bound, line, asked }
}

interface Question {
  name: string
  type: number
  /** Where it ends in the message. */
  end: number
}

const HEADER = 12

function readQuestion(message: Buffer): Question {
  const labels: string[] = []
  let at = HEADER
  for (let length = message[at] ?? 0; length > 0; length = message[at] ?? 0) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  return { name: labels.join('.').toLowerCase(), type: message.readUInt16BE(at + 1), end: at + 5 }
}

function answer(message: Buffer, question: Question, reply: Exclude<DnsReply, 'silence'>): Buffer {
  const records =
    'addresses' in reply
      ? reply.addresses
          .filter((address) => address.includes(':') === (question.type === 28))
          .map((address) => record(question.type, reply.ttl ?? 60, address))
      : []
  const header = Buffer.alloc(HEADER)
  message.copy(header, 0, 0, 2)
  // a response, recursion desired and available
  header.writeUInt16BE(0x8180 | ('rcode' in reply ? reply.rcode : 0), 2)
  header.writeUInt16BE(1, 4)
  header.writeUInt16BE(records.length, 6)
  return Buffer.concat([header, message.subarray(HEADER, question.end), ...records])
}

function record(type: number, ttl: number, address: string): Buffer {
  const data = bytesOf(address)
  const head = Buffer.alloc(12)
  // the name is that of the question
  head.writeUInt16BE(0xc00c, 0)
  head.writeUInt16BE(type, 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt32BE(ttl, 6)
  head.writeUInt16BE(data.length, 10)
  return Buffer.concat([head, data])
}

function bytesOf(address: string): Buffer {
  if (!address.includes(':')) return Buffer.from(address.split('.').map(Number))
  const [left = '', right = ''] = address.split('::')
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'))
  const missing = 8 - groups(left).length - groups(right).length
  const all = [...groups(left), ...Array<string>(missing).fill('0'), ...groups(right)]
  return Buffer.from(all.map((group) => group.padStart(4, '0')).join(''), 'hex')
}
