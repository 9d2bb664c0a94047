/** A path's verdict, and what each end saw, in words; pure. */
import type { Answer } from './path-test-protocol.js'
import type { MptcpSight, PathVerdict, Sight } from './path-verdict.js'

type Join = 'yes' | 'no' | 'not tested'

const ADVICE: Readonly<Record<Exclude<PathVerdict, `stripped-${string}`>, string>> = {
  passes: 'Nothing to do.',
  dropped:
    'Something on the way drops SYNs with MPTCP, which costs each connection seconds and makes the kernel switch MPTCP off for all uplinks: give this uplink the role off, or go round by a VPN or a tunnel.',
  reset:
    'Something on the way refuses SYNs with MPTCP, so MPTCP connections over this uplink fail: give this uplink the role off, or go round by a VPN or a tunnel.',
  'no-tcp':
    'Nothing connects over this uplink: look at its address and route, at firewalls, and whether the far end listens.',
  'no-answer':
    'TCP connects, but nothing there answers path tests now: run a service of type path-test on the far end, and test its port; if it says that it has as many tests as it takes, try again in a minute.',
  'peer-without-mptcp':
    'The far end itself has no MPTCP, so nothing can be said of the path: run mptk doctor there.',
  unstable:
    'The repetitions disagree, or the path came and went: test again with more of them when it is at rest.',
}

const STRIPPED = {
  'stripped-syn': 'SYNs',
  'stripped-synack': 'answers to SYNs',
  'stripped-data': 'data',
} as const

/** What to do about it: one sentence. */
export function adviceOn(verdict: PathVerdict, join: Join): string {
  if (verdict === 'passes' && join === 'no') {
    return 'MPTCP passes, but no second subflow joins over this uplink: connections that begin elsewhere cannot use it, so look for a firewall that knows MP_JOIN, and at the limits of both ends.'
  }
  if (!isStripped(verdict)) return ADVICE[verdict]
  const what = `Something on the way removes MPTCP from ${STRIPPED[verdict]}, so connections that begin over this uplink are TCP`
  return join === 'yes' && verdict !== 'stripped-data'
    ? `${what}; those that begin elsewhere can use it: let it not be the first uplink.`
    : `${what}: try another port, or go round by a VPN or a tunnel.`
}

function isStripped(verdict: PathVerdict): verdict is keyof typeof STRIPPED {
  return verdict in STRIPPED
}

/** One line. */
export function nearSaw({ tcp, mptcp }: Sight): string {
  if (mptcp.connect === 'connected') {
    if (tcp.connect !== 'connected') return `MPTCP connected, TCP not (${tcp.error ?? ''})`
    return tcp.answer === undefined ? `connected, then no answer: ${tcp.error ?? ''}` : nearConnected(mptcp)
  }
  const how = `SYN with MPTCP ${mptcp.connect === 'timeout' ? 'unanswered' : 'refused'} (${mptcp.error ?? ''})`
  return tcp.connect === 'connected'
    ? `${how}, TCP connected`
    : `${how}, TCP not connected (${tcp.error ?? ''})`
}

function nearConnected({ atConnect, afterData, brokeOff, own }: MptcpSight): string {
  if (brokeOff !== undefined) {
    return `connected as ${atConnect === 'mptcp' ? 'MPTCP' : 'TCP'}, then broke off: ${brokeOff}`
  }
  if (atConnect !== 'mptcp') return 'SYN/ACK without MPTCP'
  if (own === 'lost') return 'MPTCP when connected, the subflow closed by data'
  if (own === 'idle') return 'MPTCP when connected, the answers over another uplink'
  return afterData === 'mptcp'
    ? 'MPTCP when connected and after data'
    : 'MPTCP when connected, TCP after data'
}

/** One line. */
export function farSaw({ tcp, mptcp }: Sight): string {
  const control = tcp.answer
  if (control === undefined) return 'not heard'
  if (control.listener.protocol === 'tcp') {
    return `listens without MPTCP${control.listener.reason === undefined ? '' : `: ${control.listener.reason}`}`
  }
  const last = mptcp.answers.at(-1)
  if (mptcp.busy === true) return 'as many tests as it takes'
  if (last === undefined) return farSynsOnly(tcp)
  return last.accepted === 'mptcp' ? farAccepted(last) : farWithoutMptcp(tcp)
}

/** The connection never came to answers. */
function farSynsOnly({ counters }: Sight['tcp']): string {
  if (counters === undefined) return 'its kernel does not count'
  if (counters.syn === 0) return 'no SYN with MPTCP'
  return `SYN with MPTCP (${counters.syn}), no connection`
}

function farAccepted({ now }: Answer): string {
  return now === 'mptcp' ? 'MPTCP when accepted and after data' : 'MPTCP in the handshake, TCP after data'
}

function farWithoutMptcp({ counters }: Sight['tcp']): string {
  if (counters === undefined) return 'no MPTCP in the SYN or in the ACK: its kernel does not count'
  return counters.lostAtAck > 0 ? 'SYN with MPTCP, ACK without' : 'SYN without MPTCP'
}
