/**
 * The only importer of the native addon (`native/`). System calls happen there; what the
 * kernel answers is decoded in `src/kernel`. Every failed call throws a
 * {@link SystemError}: errno name in `code`, positive `errno`, `syscall`, and `address`
 * where one is involved. All sockets are non-blocking and close-on-exec.
 */
import { createRequire } from 'node:module'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { SocketAddress } from './address.js'
import { MptkError } from './errors.js'

export interface NativeSocketOptions {
  family: 4 | 6
  /** `mptcp` is IPPROTO_MPTCP (262, upstream kernels); the out-of-tree kernel uses `tcp` with {@link outOfTree}. */
  protocol: 'tcp' | 'mptcp'
  /**
   * Options 42, 43, 44 of the out-of-tree kernel, set straight after socket(). They mean
   * other things on upstream kernels: only for a kernel detected as out-of-tree.
   */
  outOfTree?: { enabled: boolean; scheduler?: string; pathManager?: string }
  /** TCP_CONGESTION. */
  congestion?: string
  /** SO_MARK. */
  mark?: number
  /** SO_BINDTODEVICE. */
  device?: string
  reuseAddress?: boolean
  reusePort?: boolean
  /** IP_TRANSPARENT / IPV6_TRANSPARENT. */
  transparent?: boolean
  /** IPV6_V6ONLY, family 6 only. */
  v6Only?: boolean
  /** TCP_NODELAY; best effort, kernels before 6.1 and 6.6 lack it on MPTCP sockets. */
  noDelay?: boolean
  /** SO_KEEPALIVE and TCP_KEEP*, seconds; best effort for the same reason. */
  keepalive?: { idle: number; interval: number; count: number }
  /** SO_SNDBUF, SO_RCVBUF in bytes as passed to the kernel. */
  sendBuffer?: number
  receiveBuffer?: number
}

export interface AcceptedSocket extends SocketAddress {
  fd: number
}

/** Readiness of one descriptor on Node's own event loop (a libuv poll handle). */
export interface Watcher {
  /**
   * Level-triggered until {@link stop}; replaces earlier interest. The callback gets what is
   * ready; an error or hang-up is reported as all of it, so that the next call shows it.
   * `ended`: the peer has ended its direction, whether or not bytes wait to be read before that.
   * `failed`: nothing but an error or a hang-up; urgent bytes look like that too.
   * A started watcher keeps the process alive.
   */
  start(events: { readable: boolean; writable: boolean; ended?: boolean; failed?: boolean }): void
  stop(): void
  /** Final; never closes the descriptor. Must be called before the descriptor is closed. */
  close(): void
}

/** Raw answers to MPTCP_FULL_INFO, or to MPTCP_INFO + MPTCP_TCPINFO + MPTCP_SUBFLOW_ADDRS. Each buffer is as long as the kernel said. */
export interface RawUpstreamInfo {
  /** struct mptcp_info; undefined where the kernel gives none (fallen back). */
  info: Buffer | undefined
  /** struct tcp_info per subflow. */
  tcpInfo: Buffer[]
  /** struct mptcp_subflow_info (264 B) from FULL_INFO, else struct mptcp_subflow_addrs (256 B). */
  addresses: Buffer[]
  /** Which way it was read. */
  source: 'full' | 'separate'
}

/** Raw answers to the out-of-tree MPTCP_INFO (SOL_TCP 45). */
export interface RawOutOfTreeInfo {
  meta: Buffer
  initial: Buffer
  /** struct tcp_info per subflow. */
  subflows: Buffer[]
  /** struct mptcp_sub_info per subflow. */
  subflowInfo: Buffer[]
}

export type RawInfo = RawUpstreamInfo | RawOutOfTreeInfo

/** `timeout`, `half-closed` and `stalled` are what {@link NativeRelayOptions}' timeouts end. */
export type RelayCause = 'eof' | 'reset' | 'timeout' | 'half-closed' | 'stalled' | 'aborted'

/** What goes one way. */
export interface NativeRelayPart {
  /** Owed to the sink before anything else. */
  head?: Uint8Array
  /** Already read from the source: the beginning of what `end` is about. */
  rest?: Uint8Array
  /**
   * Where it ends: undefined is with the source's stream, else with a message: of so many bytes, or
   * chunked (RFC 9112 §7.1). `decoded` is chunked as well, and the data alone is passed on.
   */
  end?: number | 'chunked' | 'decoded'
  /** At the message's end the sink's stream is ended as well. */
  close?: boolean
}

/** With the part that goes from `a` to `b`. */
export interface NativeRelayOptions extends NativeRelayPart {
  /** splice through a pipe (TCP to TCP) or recv/send through a buffer (an MPTCP side). */
  mode: 'splice' | 'copy'
  /** End with cause `timeout` after so long without a byte in either direction; 0 is never. Milliseconds. */
  idleTimeout: number
  /** As {@link idleTimeout}, once one side has ended its stream: cause `half-closed`. */
  halfClosedTimeout?: number
  /**
   * End with cause `stalled` when a side takes nothing of what it is owed for so long although
   * the other has ended; while memory is short, whether it has or not. 0 is never. Milliseconds.
   */
  stallTimeout?: number
  /**
   * What this kernel tells of the side's connection is read just before its stream is ended: afterwards
   * it has no subflows to tell of. `out-of-tree` must be asked of that kernel alone.
   */
  witnessA?: 'upstream' | 'out-of-tree'
  witnessB?: 'upstream' | 'out-of-tree'
  /**
   * A message and its answer: nothing is read from `b` nor written to `a` until {@link NativeRelay.answer},
   * and both directions end with their messages, the descriptors then being open both ways still. What
   * cannot be read as a message is EBADMSG: thrown at once, or as a reset's errno.
   */
  exchange?: boolean
  /** With `exchange`: what `a` sends beyond its message is kept for `done`, not lost. */
  keep?: boolean
}

/** Called once, on the event loop. */
export type RelayDone = (
  cause: RelayCause,
  /** Bytes delivered to b / to a (handed to the kernel's send side). */
  up: number,
  down: number,
  /** For `reset`: which descriptor's call failed, and how. For `stalled`: which side takes nothing. */
  side: 'a' | 'b' | undefined,
  errno: string | undefined,
  /** What {@link NativeRelayOptions.witnessA} and `witnessB` asked for; undefined where there was no MPTCP to tell of. */
  infoA: RawInfo | undefined,
  infoB: RawInfo | undefined,
  /** See {@link NativeRelayOptions.keep}. */
  carried: Buffer | undefined,
  /** Of an exchange: both messages went to their ends, and both streams go on. */
  whole: boolean,
) => void

export interface NativeRelay {
  /** Bytes so far: [a to b, b to a]. Valid at any time. */
  bytes(): [number, number]
  /** Bytes that wait in the kernel because a side takes nothing; 0 while both do. Until `done` is called. */
  held(): number
  /** As {@link RelayEngine.memoryShort}, for this relay; nothing happens when it has ended. */
  hurry(hurried: boolean): void
  /**
   * Opens an exchange's way from `b` to `a`, once. What becomes of the way up: `final`, it goes on to its
   * message's end; `switch`, it begins anew with what was kept and ends with the stream; `last`, it ends now.
   */
  answer(part: NativeRelayPart, how: 'final' | 'switch' | 'last'): void
  /** Ends the relay with cause `aborted`; nothing happens when it has ended. */
  abort(): void
}

/**
 * The data plane: threads that move bytes between two connected descriptors until both
 * directions have ended. Descriptors belong to the engine from {@link relay} until `done`
 * is called, and then to the caller again, who reads their final state and closes them.
 * EOF on one side is passed on as shutdown(SHUT_WR) to the other and the other direction
 * goes on (half-close). On `reset`, `timeout` and `aborted` both descriptors are left with
 * SO_LINGER 0, so that closing them sends a reset and no peer mistakes a cut for an end.
 */
export interface RelayEngine {
  relay(a: number, b: number, options: NativeRelayOptions, done: RelayDone): NativeRelay
  /** Whether the kernel's memory for TCP is short: the stall timeout then runs for every side that takes nothing. */
  memoryShort(isShort: boolean): void
  /** Relays in progress. */
  readonly active: number
  /** Aborts every relay, waits for the threads, then delivers the outstanding `done` calls on the event loop. */
  stop(): void
}

export interface NativeAddon {
  socket(options: NativeSocketOptions): number
  bind(fd: number, address: string, port: number): void
  listen(fd: number, backlog: number): void
  /** Accepts up to `max` waiting connections; [] when none waits. Aborted connections are passed over. */
  accept(fd: number, max: number): AcceptedSocket[]
  /** connect() in the calling thread: true when connected, false when in progress. Services use {@link dial}. */
  connect(fd: number, address: string, port: number): boolean
  /**
   * Connects on a thread of its own: the kernel runs much of a handshake within connect(). Begins
   * at the end of this turn of the event loop; `done` gets the failed connect's error with the
   * address, ECANCELED after {@link cancelDial}, or nothing when connected, once, on the event
   * loop. Until then the descriptor must be left alone.
   */
  dial(fd: number, address: string, port: number, done: (error?: Error) => void): void
  /** Ends a dial in progress; `done` is called all the same. Harmless when none is. */
  cancelDial(fd: number): void
  /** Bytes read into the buffer, 0 at end of stream, -1 when nothing waits. */
  recv(fd: number, buffer: Uint8Array): number
  /** As {@link recv} for one byte, which stays: 1, 0 at end of stream, -1 when nothing waits. */
  peek(fd: number): number
  /** Bytes written from the buffer, -1 when the socket cannot take any now. */
  send(fd: number, buffer: Uint8Array): number
  /** shutdown(SHUT_WR). */
  shutdown(fd: number): void
  close(fd: number): void
  /**
   * Closes on the dialling thread at the end of this turn of the event loop: the last close of a
   * connection runs much of its end within the call. The number is not reused before.
   */
  closeSoon(fd: number): void
  /** Closes with SO_LINGER 0: the peer sees a reset (MP_FASTCLOSE on MPTCP). */
  reset(fd: number): void
  /**
   * Sets or clears O_NONBLOCK of any descriptor, for every process that holds the same open file
   * description. Returns what it was before.
   */
  nonBlocking(fd: number, on: boolean): boolean
  localAddress(fd: number): SocketAddress
  remoteAddress(fd: number): SocketAddress
  /** getsockopt: the option's value, as long as the kernel said. */
  getOption(fd: number, level: number, name: number, length: number): Buffer
  /** getsockopt of an int: no buffer to make for what every connection is asked. */
  getInt(fd: number, level: number, name: number): number
  setOption(fd: number, level: number, name: number, value: Uint8Array | number): void
  upstreamInfo(fd: number): RawUpstreamInfo
  outOfTreeInfo(fd: number): RawOutOfTreeInfo
  watch(
    fd: number,
    callback: (readable: boolean, writable: boolean, ended: boolean, failed: boolean) => void,
  ): Watcher
  /**
   * Sends one netlink request and collects the answer's datagrams until NLMSG_DONE, an
   * NLMSG_ERROR or, without NLM_F_DUMP and NLM_F_ACK, the first message. Blocks for at most 2 s.
   */
  netlink(protocol: number, request: Uint8Array): Buffer[]
  /**
   * A socket that gets what the kernel sends to these multicast groups of the network namespace
   * this process is in; {@link watch} tells when something waits. Closed by {@link close}.
   */
  netlinkListen(protocol: number, groups: readonly number[]): number
  /**
   * The next datagram of the kernel, undefined when none waits; what processes send is passed over.
   * ENOBUFS is thrown once after messages were lost: what they told must be read anew.
   */
  netlinkReceive(fd: number): Buffer | undefined
  /**
   * Becomes the program at the path `argv[0]`, for which setsockopt of TCP_FASTOPEN is ENOPROTOOPT
   * from then on (a seccomp filter; not on architectures it is not made for). Only ever returns by throwing.
   */
  execWithoutFastOpen(argv: readonly string[]): never
  RelayEngine: new (threads: number) => RelayEngine
}

/** What whoever is without a core does, in a checkout and with an installed package. */
const REBUILD =
  'run npm ci in a checkout, or npm rebuild mptcp-toolkit (with --global where it is installed so): ' +
  'where the package has no core for this machine, that needs gcc, make and python3'

function load(): NativeAddon {
  const here = dirname(fileURLToPath(import.meta.url))
  const prebuilt = `linux-${process.arch}-glibc`
  // what was compiled here, then what the package brought along
  const places = [join('build', 'Release', 'mptk.node'), join('prebuilds', prebuilt, 'mptk.node')]
  // src/native.ts in the source tree, dist/src/native.js when built
  const candidates = places.flatMap((place) => ['..', '../..'].map((up) => join(here, up, place)))
  const file = candidates.find((candidate) => existsSync(candidate))
  if (file === undefined) {
    throw new MptkError('MPTK_NATIVE', `there is no native core for ${prebuilt}: ${REBUILD}`)
  }
  try {
    return createRequire(import.meta.url)(file) as NativeAddon
  } catch (cause) {
    throw new MptkError(
      'MPTK_NATIVE',
      `the native core ${file} does not load under Node ${process.version} for ${process.arch}: ${REBUILD}`,
      { cause },
    )
  }
}

export const native: NativeAddon = load()
