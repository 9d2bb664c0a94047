/** From what both ends saw of a path to one verdict about it; pure. */
import type { Answer, FarCounters } from './path-test-protocol.js'

export const VERDICTS = [
  'passes',
  'stripped-syn',
  'stripped-synack',
  'stripped-data',
  'dropped',
  'reset',
  'no-tcp',
  'no-answer',
  'peer-without-mptcp',
  'unstable',
] as const

/**
 * - `passes`: MPTCP before and after data, at both ends.
 * - `stripped-syn`: the far end saw a SYN without MPTCP.
 * - `stripped-synack`: the far end agreed to MPTCP, and the near end never heard of it.
 * - `stripped-data`: MPTCP when connected, and no longer when data was sent.
 * - `dropped`: SYNs with MPTCP stay unanswered while TCP connects.
 * - `reset`: SYNs with MPTCP are refused while TCP connects.
 * - `no-tcp`: nothing connects.
 * - `no-answer`: TCP connects, to something that is no path test or takes no more tests now.
 * - `peer-without-mptcp`: the far end itself speaks TCP only, so the path cannot be judged.
 * - `unstable`: repetitions disagree, or the path came and went.
 */
export type PathVerdict = (typeof VERDICTS)[number]

type Protocol = 'mptcp' | 'tcp'

/** How a connection attempt ended. */
export interface Reached {
  connect: 'connected' | 'refused' | 'timeout'
  /** Of an attempt that failed: one line. */
  error?: string
  /** Milliseconds, of the handshake. */
  rtt?: number
}

/** The control: TCP, connected before the MPTCP attempt and asked again after it. */
export interface TcpSight extends Reached {
  /** Undefined when nothing there speaks the protocol of the path test. */
  answer?: Answer
  /** What the far end's kernel counted meanwhile; undefined when it does not count or did not answer again. */
  counters?: FarCounters
  /** It answered again after the MPTCP attempt: the path was there all the time. */
  stayed: boolean
}

export interface MptcpSight extends Reached {
  /** The near end's own verdict. */
  atConnect?: Protocol
  afterData?: Protocol
  /** One for each round. */
  answers: Answer[]
  /** Why there are fewer answers than questions. */
  brokeOff?: string
  /** The far end says that it takes no more tests now: that there are fewer is not the path's doing. */
  busy?: boolean
  /**
   * Its own subflow at the end. Where the uplinks are endpoints the kernel adds other subflows, and
   * the connection survives what this path does to data: `lost` is a subflow closed, `idle` one
   * over which no answer came.
   */
  own?: 'used' | 'idle' | 'lost'
}

/** One repetition. */
export interface Sight {
  tcp: TcpSight
  mptcp: MptcpSight
}

/** The verdict of one repetition. */
export function judge({ tcp, mptcp }: Sight): PathVerdict {
  if (tcp.connect !== 'connected') return mptcp.connect === 'connected' ? 'unstable' : 'no-tcp'
  if (mptcp.connect !== 'connected') {
    // with the far end gone as well, it was not MPTCP that the path did not like
    if (tcp.answer !== undefined && !tcp.stayed) return 'unstable'
    return mptcp.connect === 'timeout' ? 'dropped' : 'reset'
  }
  if (tcp.answer === undefined || mptcp.busy === true) return 'no-answer'
  if (!tcp.stayed) return 'unstable'
  return mptcp.atConnect === 'mptcp' ? judgeData(mptcp) : judgeHandshake(tcp.answer, tcp.counters)
}

/** The near end connected, without MPTCP. */
function judgeHandshake({ listener }: Answer, counters: FarCounters | undefined): PathVerdict {
  if (listener.protocol === 'tcp') return 'peer-without-mptcp'
  // to the accepted socket both are the same; only the kernel's counters tell them apart
  return (counters?.lostAtAck ?? 0) > 0 ? 'stripped-synack' : 'stripped-syn'
}

function judgeData({ afterData, answers, brokeOff, own }: MptcpSight): PathVerdict {
  const whole = brokeOff === undefined && afterData === 'mptcp' && answers.at(-1)?.now === 'mptcp'
  if (!whole || own === 'lost') return 'stripped-data'
  return own === 'idle' ? 'unstable' : 'passes'
}

/** What more than half of the repetitions, and at least two, agree on. */
export function agree(verdicts: readonly PathVerdict[]): PathVerdict {
  for (const each of VERDICTS) {
    const count = verdicts.filter((verdict) => verdict === each).length
    if (count >= 2 && count > verdicts.length / 2) return each
  }
  return 'unstable'
}
