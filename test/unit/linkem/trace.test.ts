// Replay of delivery traces as Mahimahi does it, and what is wrong with a trace.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { buildModel, runModel } from '../../support/linkem-model.js'
import { Random, seedOf } from '../../support/random.js'

const directory = t.testdir()
const program = buildModel(directory)
const ms = 1_000_000
const ETHERNET = 14
const OPPORTUNITY = 1500

function trace(name: string, text: string): string {
  const path = join(directory, name)
  writeFileSync(path, text)
  return path
}

const lines = (timestamps: readonly number[]) => timestamps.map((at) => `${at}\n`).join('')

const arrivals = (script: readonly string[]) =>
  runModel(program, script).deliveries.map(({ at, number }) => [at / ms, number])

void t.test('an IP packet of 1500 bytes takes one opportunity, and the trace begins again', (t) => {
  const path = trace('one', lines([10, 10, 25]))
  t.same(arrivals([`0 set trace ${path}`, '0 packet a 1514 6']), [
    [10, 0],
    [10, 1],
    [25, 2],
    [35, 3],
    [35, 4],
    [50, 5],
  ])
  t.end()
})

void t.test('the trace begins when it is set', (t) => {
  const path = trace('begin', lines([10]))
  t.same(arrivals([`${3 * ms} set trace ${path}`, `${4 * ms} packet a 1514`]), [[13, 0]])
  t.end()
})

void t.test('small packets share an opportunity', (t) => {
  const path = trace('small', lines([10]))
  t.same(arrivals([`0 set trace ${path}`, `0 packet a ${500 + ETHERNET} 4`]), [
    [10, 0],
    [10, 1],
    [10, 2],
    [20, 3],
  ])
  t.end()
})

void t.test('a bigger packet takes several, and what is left serves the next', (t) => {
  const path = trace('big', lines([10]))
  t.same(
    arrivals([`0 set trace ${path}`, `0 packet a ${2000 + ETHERNET}`, `0 packet a ${1000 + ETHERNET}`]),
    [
      [20, 0],
      [20, 1],
    ],
  )
  t.end()
})

void t.test('an opportunity with nothing to send has passed', (t) => {
  const path = trace('idle', lines([1, 2, 3, 4, 5, 6, 7, 8, 9, 40]))
  t.same(arrivals([`0 set trace ${path}`, `${5 * ms} packet a 1514 2`, `${1010 * ms} packet a 1514`]), [
    [6, 0],
    [7, 1],
    [1040, 2],
  ])
  t.end()
})

void t.test('delay comes on top, and rate takes the place of the trace', (t) => {
  const path = trace('replaced', lines([10]))
  t.same(arrivals([`0 set delay 5ms trace ${path}`, '0 packet a 1514 3', `${12 * ms} set rate 12.112mbit`]), [
    [15, 0],
    // 1514 bytes at 12.112 Mbit/s take a millisecond
    [18, 1],
    [19, 2],
  ])
  t.end()
})

void t.test('a trace in each direction', (t) => {
  const [fast, slow] = [trace('fast', lines([5])), trace('slow', lines([50]))]
  const { deliveries } = runModel(program, [
    `0 set a>b trace ${fast}`,
    `0 set b>a trace ${slow}`,
    '0 packet a 1514',
    '0 packet b 1514',
  ])
  t.same(
    deliveries.map(({ at, direction }) => [at / ms, direction]),
    [
      [5, 'a>b'],
      [50, 'b>a'],
    ],
  )
  t.end()
})

/** Mahimahi's rule, written down the plain way: opportunity by opportunity, byte by byte. */
function expected(
  timestamps: readonly number[],
  packets: readonly { at: number; length: number }[],
): number[] {
  const period = timestamps.at(-1) ?? 0
  const out: number[] = []
  let [next, left] = [0, (packets[0]?.length ?? 0) - ETHERNET]
  for (let round = 0; next < packets.length; round++) {
    for (const timestamp of timestamps) {
      const now = (round * period + timestamp) * ms
      let room = OPPORTUNITY
      for (let packet = packets[next]; room > 0 && packet && packet.at < now; packet = packets[next]) {
        const used = Math.min(room, left)
        room -= used
        left -= used
        if (left > 0) continue
        out.push(now)
        next++
        left = (packets[next]?.length ?? 0) - ETHERNET
      }
    }
  }
  return out
}

void t.test('random traces and packets agree with the rule written down', (t) => {
  const seed = seedOf(3)
  t.comment(`seed ${seed}`)
  const random = new Random(seed)
  for (let run = 0; run < 20; run++) {
    let at = 0
    const timestamps = Array.from({ length: 1 + random.below(200) }, () => (at += random.below(4)))
    if (at === 0) timestamps.push(1)
    let now = 0
    const packets = Array.from({ length: 300 }, () => {
      now += random.chance(0.1) ? random.below(300 * ms) : random.below(2 * ms)
      return { at: now, length: ETHERNET + 20 + random.below(3000) }
    })
    const path = trace(`random-${run}`, lines(timestamps))
    const { deliveries } = runModel(program, [
      `0 set queue none trace ${path}`,
      ...packets.map((packet) => `${packet.at} packet a ${packet.length}`),
    ])
    t.same(
      deliveries.map((delivery) => delivery.at),
      expected(timestamps, packets),
      `run ${run}`,
    )
  }
  t.end()
})

void t.test('wrong traces: the field, what was expected, what was found; the setting stays', (t) => {
  const wrong: [string, string, RegExp, string][] = [
    ['decreasing', '5\n20\n10\n', /not before the 20 of the line above at line 3/, '10'],
    ['words', '5\nten\n', /whole milliseconds at line 2/, 'ten'],
    ['negative', '-5\n', /whole milliseconds at line 1/, '-5'],
    ['fraction', '1.5\n', /whole milliseconds at line 1/, '1.5'],
    ['blank', '5\n\n6\n', /at line 2/, ''],
    ['huge', `${'9'.repeat(100)}\n`, /at line 1/, '9'.repeat(63)],
    ['empty', '', /one timestamp a line/, 'an empty file'],
    ['zero', '0\n0\n', /last timestamp above 0/, '0'],
  ]
  for (const [name, text, says, found] of wrong) {
    const path = trace(name, text)
    const { answers, deliveries } = runModel(program, [
      '0 set rate 12.112mbit',
      `0 set trace ${path}`,
      '0 packet a 1514',
    ])
    t.match(answers[1], { ok: false, error: { field: 'trace', expected: says, found } }, name)
    t.equal(deliveries[0]?.at, ms, `${name}: the rate stays`)
  }
  const missing = join(directory, 'not there')
  const { answers } = runModel(program, [`0 set trace ${missing}`, `0 set trace ${directory}`])
  t.match(answers[0], { error: { field: 'trace', expected: /readable file/, found: missing } })
  t.match(answers[1], { error: { field: 'trace', expected: 'a regular file', found: directory } })
  t.end()
})

void t.test('the last line needs no newline, and file names may have spaces', (t) => {
  const path = trace('with some spaces', '10\n20')
  t.same(arrivals([`0 set both trace ${path}  `, '0 packet a 1514 2']), [
    [10, 0],
    [20, 1],
  ])
  t.end()
})
