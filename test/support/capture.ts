/** Packet captures by tcpdump with the kernel's timestamps, and the probes of `iperf3 -u` found in them. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

/** pcap with nanoseconds (pcap-savefile(5)), in this machine's byte order. */
const MAGIC = 0xa1b23c4d
const FILE_HEADER = 24
const RECORD_HEADER = 16
/** Seconds, eleven days: a number holds so many nanoseconds exactly, but not those since 1970. */
const EPOCH = 1_000_000
/** Ethernet, IPv4 without options, UDP. */
const HEADERS = 14 + 20 + 8
/** Where iperf3 puts the packet's number: behind seconds and microseconds. */
const NUMBER = HEADERS + 8

export interface Captured {
  /** Nanoseconds since the last full {@link EPOCH}. */
  at: number
  /** Of the whole frame, of which `data` is the beginning. */
  length: number
  data: Buffer
}

export interface Capture {
  /** Ends the capture. @throws when tcpdump missed packets */
  stop(): Promise<Captured[]>
}

/**
 * Begins to capture; returns when tcpdump listens.
 * @param prefix words that take a command to its namespace
 */
export async function capture(
  prefix: readonly string[],
  device: string,
  file: string,
  filter: string,
): Promise<Capture> {
  const [command = '', ...args] = [
    ...[...prefix, 'tcpdump', '-i', device, '-w', file, '--time-stamp-precision=nano'],
    // without immediate mode, what came within the last second would not be in the file
    ...['--immediate-mode', '-Z', 'root', '-B', '65536', '-s', '64', filter],
  ]
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  // when its last words are here, too
  const ended = once(child, 'close')
  const said: string[] = []
  const lines = createInterface({ input: child.stderr })
  const listening = new Promise<void>((resolve, reject) => {
    lines.on('line', (line) => {
      said.push(line)
      if (line.includes('listening on')) resolve()
    })
    child.once('close', () => reject(new Error(`tcpdump: ${said.join('; ')}`)))
  })
  await listening
  return {
    async stop() {
      child.kill('SIGINT')
      await ended
      if (!said.includes('0 packets dropped by kernel')) throw new Error(`tcpdump: ${said.join('; ')}`)
      return readCapture(file)
    },
  }
}

function readCapture(file: string): Captured[] {
  const bytes = readFileSync(file)
  if (bytes.readUInt32LE(0) !== MAGIC) throw new Error(`${file}: no pcap with nanoseconds`)
  const out: Captured[] = []
  for (let at = FILE_HEADER; at + RECORD_HEADER <= bytes.length;) {
    const seconds = bytes.readUInt32LE(at)
    const captured = bytes.readUInt32LE(at + 8)
    out.push({
      at: (seconds % EPOCH) * 1e9 + bytes.readUInt32LE(at + 4),
      length: bytes.readUInt32LE(at + 12),
      data: bytes.subarray(at + RECORD_HEADER, at + RECORD_HEADER + captured),
    })
    at += RECORD_HEADER + captured
  }
  return out
}

/** The data packets of `iperf3 -u` in a capture by their number, which counts from 1. */
export function probes(packets: readonly Captured[], length: number): Map<number, Captured> {
  return new Map(
    packets
      .filter((packet) => packet.length === HEADERS + length)
      .map((packet) => [packet.data.readUInt32BE(NUMBER), packet]),
  )
}
