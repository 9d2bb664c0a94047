/** The reader of chunked bodies under the compiler's sanitizers, cut at every byte, beside a model of the grammar. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { Random, seedOf } from '../support/random.js'
import { runTool } from '../support/tools.js'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))
const SOURCES = [join(root, 'native', 'chunked.c'), join(root, 'test', 'native', 'chunked', 'main.c')]
const FLAGS = ['-std=gnu11', '-g', '-O1', '-Wall', '-Wextra', '-Werror', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'] // prettier-ignore

/** `end 11 …`: the result, how many bytes belong to the message, and what is passed on. */
type Answer = [result: 'more' | 'end' | 'wrong', used: number, kept: string]

async function built(t: Test): Promise<Read> {
  const program = join(t.testdir(), 'chunked')
  await run('gcc', [...FLAGS, '-o', program, ...SOURCES])
  return async (bodies) => {
    const input = bodies.map(([flags, body]) => `${flags} ${Buffer.from(body, 'latin1').toString('hex')}\n`)
    const { code, stdout, stderr } = await runTool(program, [], { input: input.join('') })
    if (code !== 0) throw new Error(stderr)
    const lines = stdout.toString().split('\n').slice(0, -1)
    return lines.map((line) => {
      const [result = '', used, kept = ''] = line.split(' ')
      return [result as Answer[0], Number(used), Buffer.from(kept, 'hex').toString('latin1')]
    })
  }
}

/** Bodies in full: everything of them belongs to the message, but for `rest`. */
const RIGHT: [body: string, data: string, rest?: string][] = [
  ['0\r\n\r\n', ''],
  ['3\r\nabc\r\n0\r\n\r\n', 'abc'],
  ['3\r\nabc\r\n0\r\n\r\n', 'abc', 'GET http://victim/ HTTP/1.1\r\n\r\n'],
  ['A\r\n0123456789\r\nb\r\n0123456789a\r\n000\r\n\r\n', '01234567890123456789a'],
  ['3;name=value;other="a;b"\r\nabc\r\n0;last\r\n\r\n', 'abc'],
  ['3 ; name=value\r\nabc\r\n0\r\n\r\n', 'abc'],
  ['0000000000000003\r\nabc\r\n0\r\n\r\n', 'abc'],
  ['3\r\n\r\n0\r\n0\r\nX: y\r\nZ:\t\xe9 \r\n\r\n', '\r\n0'],
  ['5\r\n0\r\n\r\n\r\n0\r\n\r\n', '0\r\n\r\n'],
]

const WRONG: [what: string, body: string][] = [
  ['no size', '\r\nabc'],
  ['a sign', '+3\r\nabc'],
  ['a minus', '-1\r\n'],
  ['a prefix', '0x3\r\nabc'],
  ['an underscore', '1_0\r\n'],
  ['a blank before the size', ' 3\r\nabc'],
  ['a blank behind the size', '3 \r\nabc'],
  ['17 digits', '00000000000000003\r\nabc'],
  ['a size that would wrap around', '10000000000000003\r\nabc'],
  ['a bare LF behind the size', '3\nabc'],
  ['a bare CR behind the size', '3\rabc'],
  ['a bare LF in an extension', '3;a\nb\r\nabc'],
  ['a bare CR in an extension', '3;a\rb\r\nabc'],
  ['a NUL in an extension', '3;a\0\r\nabc'],
  ['an endless extension', `3;${'a'.repeat(5000)}`],
  ['data that is too long', '3\r\nabcd\r\n'],
  ['a bare LF behind the data', '3\r\nabc\n0\r\n\r\n'],
  ['no line end behind the data', '3\r\nabc0\r\n\r\n'],
  ['a trailer without a colon', '0\r\nGET / HTTP/1.1\r\n\r\n'],
  ['a trailer without a name', '0\r\n: a\r\n\r\n'],
  ['a folded trailer', '0\r\nA: b\r\n c\r\n\r\n'],
  ['a blank before the colon', '0\r\nA : b\r\n\r\n'],
  ['a bare LF behind a trailer', '0\r\nA: b\n\r\n'],
  ['a bare LF at the end', '0\r\n\n'],
  ['trailers without end', `0\r\n${'A: b\r\n'.repeat(3000)}`],
]

/** The grammar as expressions: the longest right beginning decides. */
function model(body: string): Answer[0] {
  const chunk = /^([0-9a-fA-F]{1,16})([ \t]*;[\t\x20-\x7e\x80-\xff]*)?\r\n/
  let rest = body
  for (;;) {
    const match = chunk.exec(rest)
    if (match === null)
      return /^$|^[0-9a-fA-F]{1,16}([ \t]*|[ \t]*;[\t\x20-\x7e\x80-\xff]*\r?|\r)$/.test(rest)
        ? 'more'
        : 'wrong'
    const size = parseInt(match[1] ?? '', 16)
    rest = rest.slice(match[0].length)
    if (size === 0) break
    if (rest.length <= size) return 'more'
    const end = rest.slice(size, size + 2)
    if (!'\r\n'.startsWith(end)) return 'wrong'
    if (end.length < 2) return 'more'
    rest = rest.slice(size + 2)
  }
  const line = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*\r\n/
  for (let match = line.exec(rest); match !== null; match = line.exec(rest))
    rest = rest.slice(match[0].length)
  if (rest.startsWith('\r\n')) return 'end'
  return /^(\r|[!#$%&'*+\-.^_`|~0-9A-Za-z]+(:[\t\x20-\x7e\x80-\xff]*\r?)?)?$/.test(rest) ? 'more' : 'wrong'
}

type Read = (bodies: [flags: string, body: string][]) => Promise<Answer[]>

void t.test('chunked bodies', async (t) => {
  const read = await built(t)
  await t.test('right and wrong', (t) => checkKnown(t, read))
  await t.test('mutations', (t) => checkMutations(t, read))
})

async function checkKnown(t: Test, read: Read): Promise<void> {
  const right = await read(
    RIGHT.flatMap(([body, , rest = '']) => [
      ['-', body + rest],
      ['d', body + rest],
    ]),
  )
  for (const [index, [body, data]] of RIGHT.entries()) {
    t.strictSame(right[2 * index], ['end', body.length, body], JSON.stringify(body))
    t.strictSame(right[2 * index + 1], ['end', body.length, data], 'decoded')
  }
  const padded = '3  \r\nabc\r\n0 \r\n\r\n'
  t.strictSame(
    await read([
      ['p', padded],
      ['dp', padded],
    ]),
    [
      ['end', padded.length, padded],
      ['end', padded.length, 'abc'],
    ],
  )

  const unfinished = RIGHT.flatMap(([body]) =>
    Array.from({ length: body.length }, (_, at) => body.slice(0, at)),
  )
  for (const [index, [result]] of (await read(unfinished.map((body) => ['-', body]))).entries()) {
    if (result !== 'more') t.fail(`${JSON.stringify(unfinished[index])}: ${result}`)
  }
  const wrong = await read(WRONG.map(([, body]) => ['-', body]))
  for (const [index, [what]] of WRONG.entries()) t.strictSame(wrong[index], ['wrong', 0, ''], what)
}

async function checkMutations(t: Test, read: Read): Promise<void> {
  const seed = seedOf(17)
  const random = new Random(seed)
  const odd = [
    '\r',
    '\n',
    '\r\n',
    ' ',
    '\t',
    ';',
    ':',
    '0',
    'f',
    '\0',
    '\xff',
    '+',
    'x',
    '3\r\nabc\r\n',
    '0\r\n\r\n',
  ] as const
  const bodies = Array.from({ length: 2000 }, () => {
    let [body] = RIGHT[random.below(RIGHT.length)] ?? ['']
    for (let changes = 1 + random.below(3); changes > 0; changes--) {
      const at = random.below(body.length)
      body =
        body.slice(0, at) + (random.chance(0.8) ? random.pick(odd) : '') + body.slice(at + random.below(3))
    }
    return body
  })
  const results = new Map<string, number>()
  for (const [index, [result]] of (await read(bodies.map((body) => ['-', body]))).entries()) {
    const expected = model(bodies[index] ?? '')
    results.set(result, (results.get(result) ?? 0) + 1)
    if (result !== expected)
      t.fail(`seed ${seed}: ${JSON.stringify(bodies[index])}: ${result}, not ${expected}`)
  }
  for (const each of ['more', 'end', 'wrong']) t.ok((results.get(each) ?? 0) > 50, each)
}
