/** `congestion: auto`: the choice from what the kernel answered, and what is said of it. */
import t from 'tap'
import { choose, withoutWanted, type Choice } from '../../../src/kernel/automatic-congestion.js'
import { congestionFinding } from '../../../src/kernel/findings.js'

const ALLOWED = 'net.ipv4.tcp_allowed_congestion_control'
const controls = { allowed: ['reno', 'cubic'] }

const CASES: [what: string, choice: Choice, reason: RegExp | undefined, mend: string | undefined][] = [
  ['there', choose({ failure: undefined, controls, loadable: false }), undefined, undefined],
  [
    'not for everybody',
    choose({ failure: 'EPERM', controls, loadable: true }),
    /needs CAP_NET_ADMIN/,
    `sysctl -w ${ALLOWED}="reno cubic bbr"`,
  ],
  [
    'not for everybody, in a container that does not see who may',
    choose({ failure: 'EPERM', controls: { allowed: [] }, loadable: true }),
    /in the initial network namespace$|of the initial network namespace$/,
    undefined,
  ],
  [
    'a module that is not loaded',
    choose({ failure: 'ENOENT', controls, loadable: true }),
    /^bbr is not loaded$/,
    'modprobe tcp_bbr',
  ],
  [
    'not built',
    choose({ failure: 'ENOENT', controls, loadable: false }),
    /CONFIG_TCP_CONG_BBR.*kmod-tcp-bbr/,
    undefined,
  ],
  ['refused', choose({ failure: 'EACCES', controls, loadable: true }), /\(EACCES\)$/, undefined],
]

void t.test('the choice', (t) => {
  for (const [what, choice, reason, mend] of CASES) {
    if (choice.name !== undefined) {
      t.equal(choice.name, 'bbr', what)
      t.equal(reason, undefined, what)
      continue
    }
    t.match(choice.reason, reason ?? /nothing/, what)
    t.equal(choice.mend, mend, what)
    const words = withoutWanted(choice, 'cubic')
    t.match(words, /^congestion: auto: .*; MPTCP sockets keep the kernel's cubic, with which several lines/)
    t.equal(words.endsWith(`; it takes: ${mend}`), mend !== undefined, 'one line that names the mend')
  }
  t.end()
})

void t.test('what doctor says', (t) => {
  const inForce = { default: 'cubic' }
  const there = congestionFinding(inForce, choose({ failure: undefined, controls, loadable: false }), false)
  t.match(there, { level: 'ok', value: /^bbr for MPTCP sockets, cubic for TCP/, mend: undefined })
  const loadable = choose({ failure: 'ENOENT', controls, loadable: true })
  t.match(congestionFinding(inForce, loadable, false), { level: 'warning', mend: 'modprobe tcp_bbr' })
  t.match(
    congestionFinding(inForce, loadable, true),
    { level: 'ok', value: /^bbr for MPTCP sockets, loaded when/, mend: undefined },
    'root has it loaded by asking',
  )
  const none = choose({ failure: 'ENOENT', controls, loadable: false })
  t.match(congestionFinding(inForce, none, true), { level: 'warning', value: /^cubic for all sockets/ })
  for (const choice of CASES.map(([, each]) => each)) {
    const { mend = '' } = congestionFinding(inForce, choice, false)
    t.notMatch(mend, /tcp_congestion_control=/, "the system's own choice is left alone")
  }
  t.end()
})
