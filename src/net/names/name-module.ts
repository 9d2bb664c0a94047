/**
 * Modules of the system's name service that have no open protocol we speak: mDNS, containers,
 * NIS. Asked by getent(1), a process that can be ended, and only for names that only they know.
 */
import { spawn } from 'node:child_process'
import { hostname } from 'node:os'
import { familyOf } from '../../address.js'
import type { Cancellation } from '../cancel.js'
import type { Answer } from './answer.js'

/** At a time. */
const MOST_PROCESSES = 4
/** Milliseconds. */
const PATIENCE = 5000
let processes = 0

/** Whether a module is asked for this name at all. */
export function concerns(module: string, name: string): boolean {
  // RFC 6762 §3
  if (module.startsWith('mdns')) return name.endsWith('.local')
  // nss-myhostname(8); the rest of what it knows has an answer already
  if (module === 'myhostname') return name === hostname().toLowerCase() || name === '_gateway'
  return !name.includes('.')
}

/** Never rejects. */
export function askModule(module: string, name: string, signal: Cancellation): Promise<Answer> {
  if (!/^\w+$/.test(module) || processes >= MOST_PROCESSES) {
    return Promise.resolve({ kind: 'failed', reason: `${module} is busy` })
  }
  return new Promise((resolve) => {
    processes++
    const child = spawn('getent', ['-s', `hosts:${module}`, 'ahosts', '--', name], {
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: PATIENCE,
      killSignal: 'SIGKILL',
    })
    const end = (): void => void child.kill('SIGKILL')
    signal.addEventListener('abort', end, { once: true })
    let text = ''
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
    let over = false
    const settle = (answer: Answer): void => {
      if (over) return
      over = true
      processes--
      signal.removeEventListener('abort', end)
      resolve(answer)
    }
    child.on('error', () => settle({ kind: 'missing' }))
    child.on('close', (code) => {
      settle(
        code === null || signal.aborted
          ? { kind: 'failed', reason: `${module} did not answer` }
          : parseAhosts(text),
      )
    })
  })
}

/** `192.0.2.1  STREAM name`, the same address once for each type of socket. */
export function parseAhosts(text: string): Answer {
  const lines = text.split('\n').map((line) => line.split(/\s/, 1)[0] ?? '')
  const addresses = [...new Set(lines)]
  const ipv4 = addresses.filter((address) => familyOf(address) === 4)
  const ipv6 = addresses.filter((address) => familyOf(address) === 6)
  return ipv4.length + ipv6.length === 0 ? { kind: 'missing' } : { kind: 'found', ipv4, ipv6, ttl: 0 }
}
