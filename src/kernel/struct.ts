/**
 * Reading kernel structs in the machine's byte order. They grow with every kernel: a field
 * counts only when it lies wholly within what the kernel returned.
 */
import { endianness } from 'node:os'

const LITTLE = endianness() === 'LE'

export function u8(from: Buffer, offset: number): number | undefined {
  return offset + 1 <= from.length ? from.readUInt8(offset) : undefined
}

export function u16(from: Buffer, offset: number): number | undefined {
  if (offset + 2 > from.length) return undefined
  return LITTLE ? from.readUInt16LE(offset) : from.readUInt16BE(offset)
}

export function u32(from: Buffer, offset: number): number | undefined {
  if (offset + 4 > from.length) return undefined
  return LITTLE ? from.readUInt32LE(offset) : from.readUInt32BE(offset)
}

export function s32(from: Buffer, offset: number): number | undefined {
  const value = u32(from, offset)
  return value === undefined ? undefined : value | 0
}

/** As a number: exact up to 2^53, enough for byte counters and rates. */
export function u64(from: Buffer, offset: number): number | undefined {
  if (offset + 8 > from.length) return undefined
  return Number(LITTLE ? from.readBigUInt64LE(offset) : from.readBigUInt64BE(offset))
}

export function putU16(value: number): Buffer {
  const out = Buffer.alloc(2)
  if (LITTLE) out.writeUInt16LE(value)
  else out.writeUInt16BE(value)
  return out
}

export function putU32(value: number): Buffer {
  const out = Buffer.alloc(4)
  if (LITTLE) out.writeUInt32LE(value >>> 0)
  else out.writeUInt32BE(value >>> 0)
  return out
}

/** A NUL-terminated name in a fixed buffer, e.g. what TCP_CONGESTION returns. */
export function cString(from: Buffer): string {
  const end = from.indexOf(0)
  return from.toString('latin1', 0, end === -1 ? from.length : end)
}
