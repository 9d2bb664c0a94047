// What strangers send, made safe for a terminal and a log.
import t from 'tap'
import { printable, printableJson, printableLines } from '../../src/printable.js'

const HARMFUL = [
  ...Array.from({ length: 0x20 }, (_, code) => code),
  ...Array.from({ length: 0x21 }, (_, code) => 0x7f + code),
  ...[0x61c, 0x200e, 0x200f, 0x2028, 0x2029, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e],
  ...[0x2066, 0x2067, 0x2068, 0x2069, 0xd800, 0xdbff, 0xdc00, 0xdfff],
]

void t.test('each of them by its number, in all three forms', (t) => {
  for (const code of HARMFUL) {
    const text = `a${String.fromCharCode(code)}b`
    const hex = code.toString(16)
    t.equal(printable(text), `a\\u{${hex}}b`)
    t.equal(printableLines(text), code === 9 || code === 10 ? text : `a\\u{${hex}}b`)
    const json = printableJson(JSON.stringify({ text }))
    t.match(json, /^[ -~]*$/, hex)
    t.strictSame(JSON.parse(json), { text }, 'the same data')
  }
  t.end()
})

void t.test('everything else as it is', (t) => {
  const text = 'Zoë → 世界 ↑ 😀 שלום \\u{1b} "x"'
  t.equal(printable(text), text)
  t.equal(printableLines(text), text)
  t.equal(printableJson(JSON.stringify({ text }, null, 2)), JSON.stringify({ text }, null, 2))
  t.end()
})
