/**
 * What the two MPTCP implementations of Linux, and kernels without either, have in common.
 * One file per flavour implements it (upstream.ts, out-of-tree.ts, tcp-only.ts); detect.ts
 * picks. Nothing else in the project asks which kernel it runs on.
 */
import type { SocketAddress } from '../address.js'
import type { NativeRelayOptions, RawInfo } from '../native.js'

export type Flavour = 'upstream' | 'out-of-tree' | 'tcp-only'

/** `congestion: auto`, the default; no congestion control has this name. */
export const AUTOMATIC = 'auto'

/** What a service or dialler wants of its sockets; every key is also a configuration key. */
export interface SocketWish {
  /** `mptcp`: speak it where kernel and peer can. `tcp`: never. */
  transport: 'mptcp' | 'tcp'
  /** With `transport: mptcp`: `required` makes a kernel without MPTCP an error. */
  mptcp?: 'preferred' | 'required'
  /** TCP_CONGESTION for this socket; `auto`, as without: what automatic-congestion.ts chooses for MPTCP, the kernel's for TCP. */
  congestion?: string
  /** Scheduler for this socket: out-of-tree kernels only; `optional` turns the error elsewhere into a warning. */
  scheduler?: { name: string; optional: boolean }
  /** Path manager for this socket: likewise. */
  pathManager?: { name: string; optional: boolean }
  mark?: number
  device?: string
  /** Local IP address to bind before connecting. */
  source?: string
  transparent?: boolean
  /** Listening on an IPv6 address: leave IPv4 to another listener. */
  v6Only?: boolean
  reusePort?: boolean
  /** Seconds. */
  keepalive?: { idle: number; interval: number; count: number }
  sendBuffer?: number
  receiveBuffer?: number
}

export interface OpenedSocket {
  fd: number
  /** What this socket will try to speak. */
  protocol: 'mptcp' | 'tcp'
  /** Why `tcp`, when `mptcp` was wished for: one phrase for logs and status. */
  reason?: string
}

/**
 * Where a connected socket comes from: the socket of ours it is, or the listener it was
 * accepted on. With it a verdict says why the connection is `tcp`.
 */
export interface Origin extends Omit<OpenedSocket, 'fd'> {
  side: 'connected' | 'accepted'
}

/** What became of one connection. */
export interface Verdict {
  protocol: 'mptcp' | 'tcp'
  /** Why it is `tcp`, as far as the kernel tells; absent for `mptcp`. */
  reason?: string
}

export type TcpState =
  | 'established'
  | 'syn-sent'
  | 'syn-recv'
  | 'fin-wait-1'
  | 'fin-wait-2'
  | 'time-wait'
  | 'close'
  | 'close-wait'
  | 'last-ack'
  | 'listen'
  | 'closing'
  | 'new-syn-recv'
  | 'unknown'

export interface Subflow {
  /** Kernel's identifier of the subflow where it gives one (mptcp_subflow_info.id). */
  id?: number
  local: SocketAddress
  remote: SocketAddress
  state: TcpState
  /** Smoothed round-trip time and its variation, milliseconds. */
  rtt: number
  rttVariation: number
  /** Bytes as the kernel counts them for this subflow; undefined where it does not. */
  bytesSent?: number
  bytesReceived?: number
  bytesRetransmitted?: number
  /** Segments retransmitted over the subflow's life. */
  retransmissions: number
  /** Bytes per second, the kernel's delivery rate estimate. */
  deliveryRate?: number
  /** Congestion window, segments. */
  congestionWindow: number
  /** Undefined where this process may not or cannot ask. */
  backup?: boolean
  congestion?: string
}

export interface ConnectionInfo extends Verdict {
  /** Local token, the connection's name in `ss`, `ip mptcp monitor` and netlink events. */
  token?: number
  /** One entry for a plain TCP connection. Dead subflows that the kernel still lists are left out. */
  subflows: Subflow[]
  /** Connection level, where the kernel says. */
  bytesSent?: number
  bytesReceived?: number
}

/** An MPTCP endpoint of the in-kernel path manager (upstream). */
export interface Endpoint {
  id: number
  address: string
  port?: number
  /** Interface index, 0 for none. */
  interfaceIndex: number
  flags: EndpointFlag[]
}
export type EndpointFlag = 'signal' | 'subflow' | 'backup' | 'fullmesh' | 'implicit' | 'laminar'

export interface Limits {
  subflows: number
  addAddrAccepted: number
}

/** One line of `mptk doctor`. */
export interface Finding {
  /** Stable short name, e.g. `mptcp`, `net.mptcp.enabled`, `endpoints`. */
  name: string
  level: 'ok' | 'info' | 'warning' | 'problem'
  /** What was found, in words. */
  value: string
  /** The command that would mend it, ready to paste. */
  mend?: string
}

export interface KernelReport {
  flavour: Flavour
  release: string
  /** True when an MPTCP socket can be opened here now. Exit code 0 of `mptk doctor`. */
  mptcp: boolean
  findings: Finding[]
  sysctls: Record<string, string>
  congestionControls: { available: string[]; allowed: string[]; default: string }
  schedulers: { available: string[]; default: string }
  pathManagers: { available: string[]; default: string }
  endpoints: Endpoint[]
  limits?: Limits
}

export interface Kernel {
  readonly flavour: Flavour
  /** How the relay asks about an MPTCP connection before it ends its stream: undefined where there is none. */
  readonly witness?: NonNullable<NativeRelayOptions['witnessA']>

  /** Undefined when MPTCP sockets can be opened in this network namespace now, else why not. */
  whyNoMptcp(): string | undefined

  /**
   * Checks a wish without opening anything.
   * @returns warnings for optional wishes that this kernel cannot grant
   * @throws {MptkError} MPTK_KERNEL_UNSUPPORTED naming the key, what this kernel has instead, or
   *   MPTK_MPTCP_REQUIRED
   */
  check(wish: SocketWish): string[]

  /**
   * A socket ready for bind, listen or connect, every option of the wish set (`source` is the
   * caller's to bind). Falls back to TCP with a reason when MPTCP is preferred and not to be had.
   * @throws {SystemError} @throws {MptkError} as {@link check}
   */
  openSocket(family: 4 | 6, wish: SocketWish): OpenedSocket

  /** What a connected or accepted socket speaks now. Cheap: one or two system calls. */
  verdict(fd: number, origin?: Origin): Verdict

  /**
   * Verdict, token and every subflow. Tens of system calls: for status and records, not per packet.
   * Of a connection that is over it says what is known: with `last` never less, without perhaps no subflow.
   * @param last what the relay read of the socket before it ended its stream; counts beside what the kernel still has then
   */
  connectionInfo(fd: number, origin?: Origin, last?: RawInfo): ConnectionInfo

  /** True when bytes of this socket come from MPTCP's receive queue: the relay then copies rather than splices. */
  isMultipath(fd: number): boolean

  endpoints(): Endpoint[]
  addEndpoint(endpoint: Omit<Endpoint, 'id'> & { id?: number }): void
  removeEndpoint(endpoint: Pick<Endpoint, 'id'> & { address?: string }): void
  /** Of one that is there: backup and fullmesh are made as `flags` says. */
  setEndpointFlags(endpoint: Pick<Endpoint, 'id' | 'flags'>): void
  limits(): Limits | undefined
  setLimits(limits: Limits): void

  /** Everything `mptk doctor` says. @param uplinks names of the uplinks; those with a default route unless given */
  report(uplinks?: readonly string[]): KernelReport
}
