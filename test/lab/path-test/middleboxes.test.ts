/** `mptk doctor path` against middleboxes made with nftables, one path at a time. */
import t from 'tap'
import type { PathVerdict } from '../../../src/paths/path-verdict.js'
import { SYN, blackHoleCounters, farEnd, middlebox, network, pathTest } from '../../support/path-test.js'

const SYNACK = 'tcp flags & (syn | ack) == (syn | ack)'
const DATA = 'tcp flags & syn == 0 ip length > 200'
const STRIP = 'reset tcp option mptcp'

/** Fallback, unless the kernel added the other uplink's subflow before the data: then only this path's subflow ends. */
const AFTER_DATA = /^MPTCP when connected, (TCP after data|the subflow closed by data)$/

interface Case {
  name: string
  rules: string[]
  verdict: PathVerdict
  near: RegExp
  far: RegExp
  /** Of the cell uplink; of wlan it is always tested. */
  join?: 'yes' | 'no'
}

/** What the cell router does, and what must be said of it. */
const CASES: Case[] = [
  {
    name: 'nothing',
    rules: [],
    verdict: 'passes',
    near: /^MPTCP when .* and after data$/,
    far: /^MPTCP when .* and after data$/,
    join: 'yes',
  },
  {
    name: 'strips SYNs',
    rules: [`${SYN} ${STRIP}`],
    verdict: 'stripped-syn',
    near: /^SYN\/ACK without MPTCP$/,
    far: /^SYN without MPTCP$/,
    join: 'no',
  },
  {
    name: 'strips SYN/ACKs',
    rules: [`${SYNACK} ${STRIP}`],
    verdict: 'stripped-synack',
    near: /^SYN\/ACK without MPTCP$/,
    far: /^SYN with MPTCP, ACK without$/,
    join: 'no',
  },
  {
    name: 'strips data',
    rules: [`${DATA} ${STRIP}`],
    verdict: 'stripped-data',
    near: AFTER_DATA,
    far: /^MPTCP .*after data$/,
  },
  {
    name: 'strips all but SYNs',
    rules: [`tcp flags & syn == 0 ${STRIP}`],
    verdict: 'stripped-data',
    near: AFTER_DATA,
    far: /^SYN with MPTCP, ACK without$/,
    join: 'no',
  },
  {
    name: 'strips data from the far end',
    rules: [`iifname far ${DATA} ${STRIP}`],
    verdict: 'stripped-data',
    near: AFTER_DATA,
    far: /^MPTCP .*after data$/,
  },
  {
    name: 'drops SYNs with MPTCP',
    rules: [`${SYN} tcp option mptcp exists drop`],
    verdict: 'dropped',
    near: /^SYN with MPTCP unanswered \(no answer within 2500 ms\), TCP connected$/,
    far: /^no SYN with MPTCP$/,
    join: 'no',
  },
  {
    name: 'drops SYN/ACKs with MPTCP',
    rules: [`${SYNACK} tcp option mptcp exists drop`],
    verdict: 'dropped',
    near: /unanswered/,
    far: /^SYN with MPTCP \(\d+\), no connection$/,
    join: 'no',
  },
  {
    name: 'resets SYNs with MPTCP',
    rules: [`${SYN} tcp option mptcp exists reject with tcp reset`],
    verdict: 'reset',
    near: /^SYN with MPTCP refused \(.*ECONNREFUSED.*\), TCP connected$/,
    far: /^no SYN with MPTCP$/,
    join: 'no',
  },
  {
    name: 'drops joins',
    rules: [`${SYN} tcp option mptcp subtype 1 drop`],
    verdict: 'passes',
    near: /after data$/,
    far: /after data$/,
    join: 'no',
  },
  {
    name: 'drops everything',
    rules: ['meta l4proto tcp drop'],
    verdict: 'no-tcp',
    near: /unanswered.*TCP not connected/,
    far: /^not heard$/,
  },
]

void t.test('each middlebox by its name, and the other uplink passes', async (t) => {
  const { near, far, cell } = network(t)
  await farEnd(t, far)
  const before = blackHoleCounters(near)
  for (const { name, rules, verdict, near: nearWords, far: farWords, join } of CASES) {
    middlebox(cell, ...rules)
    const result = await pathTest(t, near)
    t.equal(result.cell.verdict, verdict, `${name}: ${verdict}`)
    t.match(result.cell.near, nearWords, `${name}: this end`)
    t.match(result.cell.far, farWords, `${name}: the far end`)
    if (join !== undefined) t.equal(result.cell.join.join, join, `${name}: join ${join}`)
    t.equal(result.wlan.verdict, 'passes', `${name}: wlan passes`)
    t.equal(result.code, verdict === 'passes' && join !== 'no' ? 0 : 1, `${name}: exit code`)
    t.strictSame(result.blackHole, { timeout: 3600, foundOff: false, wentOff: 0 }, `${name}: MPTCP stays on`)
  }
  t.strictSame(blackHoleCounters(near), before, 'the kernel has seen no black hole')
})
