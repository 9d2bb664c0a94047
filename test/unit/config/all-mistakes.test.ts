/** Every mistake of a file is told at once, each with its line, and with the word that was probably meant. */
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { closest } from '../../../src/closest.js'
import { loadConfig } from '../../../src/config/load.js'

async function mistakesOf(t: Test, text: string): Promise<string[]> {
  const file = join(t.testdir({ 'm.yaml': text }), 'm.yaml')
  try {
    await loadConfig(file)
    return []
  } catch (error) {
    return (error as Error).message.replaceAll(file, 'm.yaml').split('\n')
  }
}

void t.test('all mistakes, by line', async (t) => {
  const text = `services:
  - type: socks5
    lisen: 127.0.0.1:1080
    timeouts:
      dial: 10
  - type: reverse
    listen: 127.0.0.1:80
  - &third
    type: reverse-tcp
    listen:
      - 127.0.0.1:81
      - nowhere
    target: 10.0.0.1:80
    egress: { transport: mptpc }
log: { level: wran }
relay:
  threads: 100
`
  t.strictSame(await mistakesOf(t, text), [
    'm.yaml:3: services[0]: found the unknown key "lisen": did you mean listen?',
    'm.yaml:5: services[0].timeouts.dial: expected a duration as 300ms, 10s, 5m or 1h (1ms to 596h), found 10',
    'm.yaml:6: services[1].type: expected one of socks5, connect, reverse-tcp, transparent, path-test, found "reverse": did you mean reverse-tcp?',
    'm.yaml:12: services[2].listen[1]: expected host:port or [IPv6]:port with a port of 0 to 65535, found "nowhere"',
    'm.yaml:14: services[2].egress.transport: expected mptcp or tcp, found "mptpc": did you mean mptcp?',
    'm.yaml:15: log.level: expected one of fatal, error, warn, info, debug, trace, silent, found "wran": did you mean warn?',
    'm.yaml:17: relay.threads: expected a whole number of 1 to 64, found 100',
  ])
})

void t.test('a mistake behind an alias has the line where it is written', async (t) => {
  const text = `services:
  - { type: socks5, listen: 127.0.0.1:1, egress: &out { transport: tcp, congestion: 5 } }
  - { type: socks5, listen: 127.0.0.1:2, egress: *out }
`
  const found = await mistakesOf(t, text)
  t.strictSame(
    found.map((each) => each.split(': ').slice(0, 2).join(' ')),
    ['m.yaml:2 services[0].egress.congestion', 'm.yaml:2 services[1].egress.congestion'],
  )
})

void t.test('what is missing has the line of what lacks it; many mistakes are cut short', async (t) => {
  t.match(await mistakesOf(t, 'log: {}\nservices:\n  - type: socks5\n'), [
    /^m\.yaml:3: services\[0\]\.listen: expected /,
  ])
  const many = `services: [${Array.from({ length: 30 }, () => '{ type: x }').join(', ')}]`
  const found = await mistakesOf(t, many)
  t.equal(found.length, 21)
  t.equal(found.at(-1), 'm.yaml: and 10 more')
})

void t.test('a rule about keys says nothing where one of them is misspelt', async (t) => {
  const text = 'services: [{ type: socks5, listen: 0.0.0.0:1, userFile: users.yaml }]'
  t.strictSame(await mistakesOf(t, text), [
    'm.yaml:1: services[0]: found the unknown key "userFile": did you mean usersFile?',
  ])
})

void t.test('a port taken twice', async (t) => {
  const file = (a: string, b: string, status = '') => `services:
  - { type: reverse-tcp, target: "a:1", listen: "${a}" }
  - { type: reverse-tcp, target: "a:1", listen: ["127.0.0.1:9", "${b}"] }
${status}`
  for (const [a, b] of [
    ['127.0.0.1:80', '127.0.0.1:80'],
    ['0.0.0.0:80', '127.0.0.1:80'],
    ['127.0.0.1:80', '[::]:80'],
    ['[::1]:80', '[::]:80'],
    ['127.0.0.1:80', '[::ffff:127.0.0.1]:80'],
  ] as const) {
    t.match(await mistakesOf(t, file(a, b)), [
      /^m\.yaml:3: services\[1\]\.listen\[1\]: expected a port of its own, found \S+:80, which services\[0\]\.listen takes \(\S+:80\)$/,
    ])
  }
  for (const [a, b] of [
    ['127.0.0.1:80', '127.0.0.2:80'],
    ['127.0.0.1:0', '127.0.0.1:0'],
    ['127.0.0.1:80', '[::1]:80'],
  ] as const) {
    t.strictSame(await mistakesOf(t, file(a, b)), [])
  }
  t.match(await mistakesOf(t, file('127.0.0.1:80', '127.0.0.1:81', 'status: { listen: "127.0.0.1:81" }')), [
    /^m\.yaml:4: status\.listen: .* services\[1\]\.listen\[1\] takes/,
  ])
  const both =
    'services: [{ type: reverse-tcp, target: "a:1", reusePort: true, listen: "0.0.0.0:80" }, { type: reverse-tcp, target: "b:1", reusePort: true, listen: "0.0.0.0:80" }]'
  t.strictSame(await mistakesOf(t, both), [], 'reusePort shares it')
  const one = 'services: [{ type: reverse-tcp, target: "a:1", listen: ["0.0.0.0:80", "[::]:80"] }]'
  t.strictSame(await mistakesOf(t, one), [], 'IPv6 beside IPv4 within a service')
})

void t.test('the word that was meant', (t) => {
  const words = ['run', 'revert', 'reverse', 'status', 'reverse-tcp']
  for (const [typed, meant] of [
    ['rnu', 'run'],
    ['ru', 'run'],
    ['stat', 'status'],
    ['satus', 'status'],
    ['RUN', 'run'],
    ['revers', 'reverse'],
    ['x', undefined],
    ['perform', undefined],
    ['', undefined],
  ] as const) {
    t.equal(closest(typed, words), meant, typed)
  }
  t.end()
})
