// From what both ends saw to a verdict and words: the whole table.
import t from 'tap'
import { connectLimit } from '../../../src/paths/black-hole.js'
import type { Answer } from '../../../src/paths/path-test-protocol.js'
import {
  agree,
  judge,
  VERDICTS,
  type MptcpSight,
  type PathVerdict,
  type Sight,
  type TcpSight,
} from '../../../src/paths/path-verdict.js'
import { adviceOn, farSaw, nearSaw } from '../../../src/paths/path-words.js'

const NOTHING_LOST = { syn: 1, lostAtAck: 0, lostLater: 0 }

function answer(accepted: 'mptcp' | 'tcp', now: 'mptcp' | 'tcp', round = 3): Answer {
  const seen = { address: '192.0.2.1', port: 40_000 }
  return { pathTest: 1, round, listener: { protocol: 'mptcp' }, seen, accepted, now, subflows: 1 }
}

const SPOKE: TcpSight = { connect: 'connected', rtt: 1, answer: answer('tcp', 'tcp', 1), stayed: true }
const tcp = (more: Partial<TcpSight> = {}): TcpSight => ({ ...SPOKE, counters: NOTHING_LOST, ...more })
/** It never answered again, so its counters are not known. */
const LEFT: TcpSight = { ...SPOKE, stayed: false }

const mptcp = (more: Partial<MptcpSight> = {}): MptcpSight => ({
  connect: 'connected',
  rtt: 1,
  atConnect: 'mptcp',
  afterData: 'mptcp',
  own: 'used',
  answers: [answer('mptcp', 'mptcp')],
  ...more,
})
const FELL_BACK_AT_ONCE: Partial<MptcpSight> = {
  atConnect: 'tcp',
  afterData: 'tcp',
  answers: [answer('tcp', 'tcp')],
}
const TCP_FAR_END: Answer = {
  ...answer('tcp', 'tcp', 1),
  listener: { protocol: 'tcp', reason: 'switched off' },
}
const TIMEOUT: MptcpSight = { connect: 'timeout', error: 'no answer within 2500 ms', answers: [] }
const REFUSED: MptcpSight = { connect: 'refused', error: 'ECONNREFUSED', answers: [] }
const SILENT: TcpSight = { connect: 'connected', stayed: false, error: 'no answer within 5000 ms' }

const TABLE: [PathVerdict, Sight, near: string, far: string][] = [
  [
    'passes',
    { tcp: tcp(), mptcp: mptcp() },
    'MPTCP when connected and after data',
    'MPTCP when accepted and after data',
  ],
  [
    'stripped-syn',
    { tcp: tcp({ counters: { ...NOTHING_LOST, syn: 0 } }), mptcp: mptcp(FELL_BACK_AT_ONCE) },
    'SYN/ACK without MPTCP',
    'SYN without MPTCP',
  ],
  [
    'stripped-synack',
    { tcp: tcp({ counters: { ...NOTHING_LOST, lostAtAck: 1 } }), mptcp: mptcp(FELL_BACK_AT_ONCE) },
    'SYN/ACK without MPTCP',
    'SYN with MPTCP, ACK without',
  ],
  [
    'stripped-data',
    { tcp: tcp(), mptcp: mptcp({ afterData: 'tcp', answers: [answer('mptcp', 'tcp')] }) },
    'MPTCP when connected, TCP after data',
    'MPTCP in the handshake, TCP after data',
  ],
  [
    // something in between ends the MPTCP connection
    'stripped-data',
    {
      tcp: tcp({ counters: { ...NOTHING_LOST, syn: 0 } }),
      mptcp: mptcp({ answers: [answer('tcp', 'tcp')] }),
    },
    'MPTCP when connected and after data',
    'SYN without MPTCP',
  ],
  [
    'stripped-data',
    { tcp: tcp(), mptcp: mptcp({ brokeOff: 'ECONNRESET', answers: [answer('mptcp', 'mptcp', 1)] }) },
    'connected as MPTCP, then broke off: ECONNRESET',
    'MPTCP when accepted and after data',
  ],
  [
    // another uplink's subflow was there in time to save the connection
    'stripped-data',
    { tcp: tcp(), mptcp: mptcp({ own: 'lost' }) },
    'MPTCP when connected, the subflow closed by data',
    'MPTCP when accepted and after data',
  ],
  [
    'unstable',
    { tcp: tcp(), mptcp: mptcp({ own: 'idle' }) },
    'MPTCP when connected, the answers over another uplink',
    'MPTCP when accepted and after data',
  ],
  [
    'dropped',
    { tcp: tcp({ counters: { ...NOTHING_LOST, syn: 0 } }), mptcp: TIMEOUT },
    'SYN with MPTCP unanswered (no answer within 2500 ms), TCP connected',
    'no SYN with MPTCP',
  ],
  [
    'dropped',
    { tcp: tcp({ counters: { ...NOTHING_LOST, syn: 3 } }), mptcp: TIMEOUT },
    'SYN with MPTCP unanswered (no answer within 2500 ms), TCP connected',
    'SYN with MPTCP (3), no connection',
  ],
  [
    'dropped',
    { tcp: SILENT, mptcp: TIMEOUT },
    'SYN with MPTCP unanswered (no answer within 2500 ms), TCP connected',
    'not heard',
  ],
  [
    'reset',
    { tcp: tcp({ counters: { ...NOTHING_LOST, syn: 0 } }), mptcp: REFUSED },
    'SYN with MPTCP refused (ECONNREFUSED), TCP connected',
    'no SYN with MPTCP',
  ],
  [
    'no-tcp',
    { tcp: { connect: 'refused', error: 'ECONNREFUSED', stayed: false }, mptcp: REFUSED },
    'SYN with MPTCP refused (ECONNREFUSED), TCP not connected (ECONNREFUSED)',
    'not heard',
  ],
  [
    'no-answer',
    { tcp: SILENT, mptcp: mptcp({ answers: [] }) },
    'connected, then no answer: no answer within 5000 ms',
    'not heard',
  ],
  [
    // its limit is not the path's doing
    'no-answer',
    { tcp: tcp(), mptcp: mptcp({ busy: true, brokeOff: 'too many tests', answers: [] }) },
    'connected as MPTCP, then broke off: too many tests',
    'as many tests as it takes',
  ],
  [
    'peer-without-mptcp',
    { tcp: tcp({ answer: TCP_FAR_END }), mptcp: mptcp(FELL_BACK_AT_ONCE) },
    'SYN/ACK without MPTCP',
    'listens without MPTCP: switched off',
  ],
  [
    'unstable',
    { tcp: LEFT, mptcp: TIMEOUT },
    'SYN with MPTCP unanswered (no answer within 2500 ms), TCP connected',
    'its kernel does not count',
  ],
  [
    // while the control was there, a SYN/ACK may have been stripped without being counted for us
    'unstable',
    { tcp: LEFT, mptcp: mptcp(FELL_BACK_AT_ONCE) },
    'SYN/ACK without MPTCP',
    'no MPTCP in the SYN or in the ACK: its kernel does not count',
  ],
  [
    'unstable',
    { tcp: { connect: 'timeout', error: 'no answer within 5000 ms', stayed: false }, mptcp: mptcp() },
    'MPTCP connected, TCP not (no answer within 5000 ms)',
    'not heard',
  ],
]

void t.test('each thing that can be seen has one verdict, and words for both ends', (t) => {
  for (const [verdict, sight, near, far] of TABLE) {
    t.equal(judge(sight), verdict, `${near}; ${far}`)
    t.equal(nearSaw(sight), near)
    t.equal(farSaw(sight), far)
  }
  t.strictSame(new Set(TABLE.map(([verdict]) => verdict)), new Set(VERDICTS), 'every verdict is in the table')
  t.end()
})

void t.test('a verdict needs two repetitions and more than half', (t) => {
  t.equal(agree(['dropped', 'dropped', 'passes']), 'dropped')
  t.equal(agree(['passes', 'reset', 'passes']), 'passes')
  t.equal(agree(['passes', 'passes']), 'passes')
  for (const split of [[], ['passes'], ['passes', 'reset'], ['passes', 'reset', 'dropped']] as const) {
    t.equal(agree(split), 'unstable', split.join(' '))
  }
  t.equal(agree(['passes', 'passes', 'reset', 'reset']), 'unstable', 'half is not enough')
  t.equal(agree(['passes', 'passes', 'reset', 'reset', 'dropped']), 'unstable')
  t.end()
})

void t.test('advice depends on whether a second subflow joins', (t) => {
  t.equal(adviceOn('passes', 'yes'), 'Nothing to do.')
  t.match(adviceOn('passes', 'no'), /no second subflow joins/)
  t.match(adviceOn('stripped-syn', 'yes'), /removes MPTCP from SYNs.*let it not be the first uplink/)
  t.match(adviceOn('stripped-data', 'yes'), /removes MPTCP from data.*a VPN or a tunnel/)
  for (const verdict of VERDICTS)
    t.match(adviceOn(verdict, 'not tested'), /^[A-Z][^.]*\.$/, `${verdict}: one sentence`)
  t.end()
})

void t.test('a connect ends before the kernel leaves MPTCP out of its SYN', (t) => {
  // SYNs go out at 0, 1, 2, 3 … s (net.ipv4.tcp_syn_linear_timeouts), later ones at longer intervals
  for (const repeated of [0, 1, 2, 5]) t.ok(connectLimit(repeated) < (repeated + 1) * 1000)
  t.equal(connectLimit(2), 2500)
  t.equal(connectLimit(255), 10_000, 'and within reason')
  t.end()
})
