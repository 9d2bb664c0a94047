/**
 * Upstream kernels (6.12 and later) take MPTCP away from the whole network namespace for
 * `net.mptcp.blackhole_timeout` seconds once a connection got through only after its SYN had
 * been repeated without MPTCP. A path test must not set that off, nor be deceived by it.
 */
import { writeFileSync } from 'node:fs'
import { errnoName, MptkError } from '../errors.js'
import type { Kernel } from '../kernel/kernel.js'
import { readSysctl } from '../kernel/sysctl.js'
import type { Connection } from '../net/connection.js'
import { connect } from '../net/dial.js'
import { listen } from '../net/listen.js'

const TIMEOUT = 'net.mptcp.blackhole_timeout'

/** The first SYN's timer (RFC 6298 §2.1); repetitions come no sooner than this one after another. Milliseconds. */
const SYN_TIMER = 1000
/** How long before the kernel's SYN without MPTCP we give up, on a machine that may be busy. */
const MARGIN = 500
/** Nobody waits longer, whatever the kernel does. */
const LONGEST = 10_000

/**
 * How long a connect that asks for MPTCP may take, milliseconds.
 * @param repeated how often the kernel repeats a SYN with MPTCP before it leaves it out
 */
export function connectLimit(repeated: number): number {
  return Math.min(LONGEST, (repeated + 1) * SYN_TIMER - MARGIN)
}

/** Both kernels' names; 6.12 has the number built in. */
export function synsRepeatedWithMptcp(): number {
  const value =
    readSysctl('net.mptcp.syn_retrans_before_tcp_fallback') ?? readSysctl('net.mptcp.mptcp_syn_retries')
  return Number(value ?? 2)
}

/** Longer than any loopback takes. */
const LOOPBACK_LIMIT = 2000

/** True when the kernel has taken MPTCP away; undefined where that cannot be told. */
export async function isSwitchedOff(kernel: Kernel): Promise<boolean | undefined> {
  if (readSysctl(TIMEOUT) === undefined) return undefined
  // what is switched off is asking for MPTCP, so it shows at once where nothing can be in between
  const accepted: Connection[] = []
  const here = { address: '127.0.0.1', port: 0 }
  let listener, client
  try {
    listener = listen(
      kernel,
      here,
      { transport: 'mptcp', mptcp: 'required' },
      { backlog: 1, onConnection: (each) => accepted.push(each), onError: () => undefined },
    )
    const limit = AbortSignal.timeout(LOOPBACK_LIMIT)
    client = await connect(kernel, listener.address, { transport: 'mptcp' }, limit)
    return kernel.verdict(client.fd, client.origin).protocol === 'tcp'
  } catch {
    // a firewall on loopback, or no descriptors
    return undefined
  } finally {
    client?.reset()
    listener?.close()
    for (const each of accepted) each.close()
  }
}

/** What was found of the switch, and done about it. */
export interface BlackHoleRecord {
  /** Seconds that it lasts, as the host has it; absent where the kernel has no such switch. */
  timeout?: number
  /** MPTCP was off before the test. */
  foundOff: boolean
  /** How often it went off while the test ran, by whatever connection. */
  wentOff: number
}

/** Keeps MPTCP on while a test runs. */
export class BlackHoleGuard {
  readonly #kernel: Kernel
  readonly #record: BlackHoleRecord

  constructor(kernel: Kernel) {
    this.#kernel = kernel
    const timeout = readSysctl(TIMEOUT)
    this.#record = { ...(timeout !== undefined && { timeout: Number(timeout) }), foundOff: false, wentOff: 0 }
  }

  get record(): BlackHoleRecord {
    return { ...this.#record }
  }

  /** Before the test. @throws {MptkError} MPTK_PATH_TEST when MPTCP is off and cannot be brought back */
  async begin(): Promise<void> {
    if (await this.#bringBack()) this.#record.foundOff = true
  }

  /** After each attempt. @throws {MptkError} as {@link begin} */
  async check(): Promise<void> {
    if (await this.#bringBack()) this.#record.wentOff++
  }

  async #bringBack(): Promise<boolean> {
    if ((await isSwitchedOff(this.#kernel)) !== true) return false
    reset()
    if ((await isSwitchedOff(this.#kernel)) !== true) return true
    throw new MptkError(
      'MPTK_PATH_TEST',
      `the kernel has taken MPTCP away for a reason that ${TIMEOUT} does not mend`,
    )
  }
}

/** Writing the value it has forgets every black hole. @throws {MptkError} MPTK_PATH_TEST saying what to type */
function reset(): void {
  const value = readSysctl(TIMEOUT) ?? ''
  try {
    writeFileSync(`/proc/sys/${TIMEOUT.replaceAll('.', '/')}`, value)
  } catch (cause) {
    throw new MptkError(
      'MPTK_PATH_TEST',
      `the kernel has taken MPTCP away for up to ${value} s because a path dropped it, and this process may not bring it back (${errnoName(cause) ?? String(cause)}): run sysctl -w ${TIMEOUT}=${value} as root, then test again`,
      { cause },
    )
  }
}
