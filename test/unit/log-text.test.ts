// Log records as people read them: one line each.
import t from 'tap'
import { logText } from '../../src/log-text.js'

const time = '2026-11-27T15:38:47.123Z'
const session = {
  level: 'info',
  time,
  msg: 'session ended',
  session: 7,
  service: 'socks5',
  client: { address: '127.0.0.1:46754', protocol: 'tcp', reason: 'the peer asked for TCP' },
  up: 73,
  down: 263,
  duration: 50,
  outcome: 'eof',
}

void t.test('a session', (t) => {
  const subflow = (local: string, sent: number, received: number) => ({
    local,
    remote: '10.77.3.2:1080',
    sent,
    received,
  })
  const bonded = {
    ...session,
    user: 'alice',
    destination: '10.77.5.2:80',
    remote: {
      address: '10.77.3.2:1080',
      protocol: 'mptcp',
      subflows: [
        subflow('10.0.1.2:40000', 78, 200),
        subflow('10.0.1.2:40001', 1000, 22),
        subflow('[2001:db8::2]:40000', 1, 0),
      ],
    },
  }
  t.equal(
    logText(bonded),
    `${time} info  socks5 alice@127.0.0.1:46754 → 10.77.5.2:80 via 10.77.3.2:1080 mptcp ↑73 B ↓263 B 50 ms eof (10.0.1.2 1.3 kB, [2001:db8::2] 1 B)`,
  )
  const straight = {
    ...session,
    destination: '10.77.5.2:80',
    client: { address: '10.0.1.2:5', protocol: 'mptcp', subflows: [subflow('10.0.3.2:1080', 999_999, 1)] },
    remote: { address: '10.77.5.2:80', protocol: 'tcp' },
    up: 1_000_000,
    down: 12_345_678_901,
    duration: 61_234,
    outcome: 'reset',
    error: 'client broke off: ECONNRESET',
  }
  t.equal(
    logText(straight),
    `${time} info  socks5 10.0.1.2:5 mptcp → 10.77.5.2:80 tcp ↑1.0 MB ↓12.3 GB 61.2 s reset: client broke off: ECONNRESET (10.0.3.2 1.0 MB)`,
  )
  const refused = { ...session, level: 'warn', up: 0, down: 0, outcome: 'handshake', error: 'no' }
  t.equal(logText(refused), `${time} warn  socks5 127.0.0.1:46754 ↑0 B ↓0 B 50 ms handshake: no`)
  t.end()
})

void t.test('anything else', (t) => {
  const record = {
    level: 'warn',
    time,
    msg: 'uplink wlan: down',
    service: 's',
    role: 'on',
    addresses: ['10.0.0.1', 'fe80::1'],
    gateways: [],
    why: 'two words',
    count: 3,
    deep: { a: 1 },
  }
  t.equal(
    logText(record),
    `${time} warn  s: uplink wlan: down role=on addresses=10.0.0.1,fe80::1 gateways="" why="two words" count=3 deep={"a":1}`,
  )
  t.end()
})

void t.test('what strangers send stays on its line, and moves no cursor', (t) => {
  const evil = '\u001b[2J\n\u202e\u0085x'
  const line = logText({ ...session, user: evil, destination: `${evil}:80`, error: evil })
  const shown = '\\u{1b}[2J\\u{a}\\u{202e}\\u{85}x'
  t.equal(
    line,
    `${time} info  socks5 ${shown}@127.0.0.1:46754 → ${shown}:80 ↑73 B ↓263 B 50 ms eof: ${shown}`,
  )
  t.equal(
    logText({ level: 'warn', time, msg: evil, user: evil }),
    `${time} warn  ${shown} user="\\u001b[2J\\n\\u{202e}\\u{85}x"`,
  )
  t.end()
})
