// What is wrong on the command line: one line with the field, what was expected, what was found; exit code 2.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { linkem } from '../../support/linkem.js'

const program = linkem()
const ends = [
  '--a-netns',
  `${process.pid}`,
  '--a-name',
  'lka',
  '--b-netns',
  `${process.pid}`,
  '--b-name',
  'lkb',
]

function refused(t: Test, args: readonly string[], message: string | RegExp): void {
  const { status, stderr, stdout } = spawnSync(program, args, { encoding: 'utf8' })
  const shown = args.join(' ')
  t.equal(status, 2, `exit code of ${shown}`)
  t.match(stderr, message, shown)
  t.match(stderr, /^linkem: .*\n$/, `one line: ${shown}`)
  t.equal(stdout, '')
}

void t.test('settings', (t) => {
  const wrong: [string, string][] = [
    ['bogus 3', 'line: expected rate, delay, '],
    ['', 'line: expected a setting such as delay 50ms, found ""'],
    ['a>b', 'line: expected a setting'],
    ['c>d rate 3mbit', 'line: expected rate, delay'],
    ['rate -20mbit', 'rate: expected a rate from 1bit to 1000gbit, such as 20mbit, found "-20mbit"'],
    ['rate 0', 'rate: expected'],
    ['rate 0mbit', 'rate: expected'],
    ['rate 20', 'rate: expected'],
    ['rate 20mb', 'rate: expected'],
    ['rate infmbit', 'rate: expected'],
    ['rate 0x10mbit', 'rate: expected'],
    ['rate 1.2.3mbit', 'rate: expected'],
    ['rate', 'rate: expected a rate from 1bit to 1000gbit, such as 20mbit, found ""'],
    ['delay 50', 'delay: expected a time from 0 to 3600s, such as 50ms, found "50"'],
    ['delay -1ms', 'delay: expected'],
    ['delay 3601s', 'delay: expected'],
    ['delay 5ms 6ms', 'line: expected rate, '],
    ['jitter 5', 'jitter: expected'],
    ['jitter 5ms gamma', 'line: expected rate, '],
    ['loss 1', 'loss: expected a share from 0% to 100%, such as 1%, found "1"'],
    ['loss 101%', 'loss: expected'],
    ['loss -1%', 'loss: expected'],
    ['loss gilbert', 'loss: expected'],
    ['loss gilbert 1%', 'loss: expected'],
    ['loss gilbert 1% 20% 200%', 'loss: expected'],
    ['queue 100', 'queue: expected packets such as 100p, a size such as 64kb, or none, found "100"'],
    ['queue 0p', 'queue: expected'],
    ['queue 0b', 'queue: expected'],
    ['queue 99999999999999999999p', 'queue: expected'],
    ['queue 1e3p', 'queue: expected'],
    ['reorder 5', 'reorder: expected'],
    ['order strict', 'order: expected keep or free, found "strict"'],
    ['overhead 10000', 'overhead: expected a whole number from -1000 to 1000, found "10000"'],
    ['overhead 1x', 'overhead: expected'],
    ['trace', 'trace: expected a file name, or none, found ""'],
    ['trace /nowhere/t', 'trace: expected a readable file (No such file or directory), found "/nowhere/t"'],
    ['rate 1mbit trace /nowhere/t', 'trace: expected each setting once, and either rate or trace'],
  ]
  for (const [line, message] of wrong) refused(t, [...ends, '--set', line], `linkem: ${message}`)
  t.end()
})

void t.test('options', (t) => {
  const wrong: [string[], string][] = [
    [[], 'a-netns: expected a network namespace, found ""'],
    [ends.slice(0, 2), 'a-name: expected an interface name, found ""'],
    [ends.slice(0, 4), 'b-netns: expected a network namespace'],
    [[...ends, '--bogus'], 'option: expected an option of --help, found "--bogus"'],
    [[...ends, '--mtu'], 'mtu: expected a value, found ""'],
    [[...ends, 'more'], 'argument: expected options only, found "more"'],
    [[...ends, '--mtu', '67'], 'mtu: expected a whole number from 68 to 65521, found "67"'],
    [[...ends, '--mtu', '65522'], 'mtu: expected'],
    [[...ends, '--seed', '-1'], 'seed: expected'],
    [[...ends, '--memory', '1mib'], 'memory: expected at least 64mib, found "1mib"'],
    [[...ends, '--realtime', 'yes'], 'realtime: expected auto, on or off, found "yes"'],
    [[...ends, '--a-mac', '01:00:5e:00:00:01'], 'a-mac: expected a unicast MAC address'],
    [[...ends, '--b-mac', 'zz'], 'b-mac: expected a unicast MAC address'],
    [[...ends, '--a-name', 'much-too-long-name'], 'a-name: expected an interface name of 1 to 15 characters'],
    [[...ends, '--a-name', 'eth%d'], 'a-name: expected an interface name'],
    [
      [...ends, '--a-netns', '4194305'],
      'a-netns: expected a network namespace at /proc/4194305/ns/net (No such file',
    ],
    [
      [...ends, '--b-netns', 'no-such-name'],
      'b-netns: expected a network namespace at /run/netns/no-such-name',
    ],
  ]
  for (const [args, message] of wrong) refused(t, args, `linkem: ${message}`)
  const file = join(t.testdir(), 'file')
  writeFileSync(file, '')
  refused(t, [...ends, '--a-netns', file], `linkem: a-netns: expected a network namespace at ${file}, found`)
  t.end()
})

void t.test('--help names every option and setting', (t) => {
  const { status, stdout, stderr } = spawnSync(program, ['--help'], { encoding: 'utf8' })
  t.equal(status, 0)
  t.equal(stderr, '')
  for (const word of ['--mtu', '--seed', 'gilbert', 'reorder', 'overhead', 'trace FILE', 'stats'])
    t.match(stdout, word)
  t.end()
})
