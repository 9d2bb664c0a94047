// Names of things that are not there: one clear line that names what there is, or what to do.
import { readdirSync } from 'node:fs'
import t from 'tap'
import { run } from '../../support/process.js'

const CASES: readonly [args: string[], code: number, line: RegExp][] = [
  [
    ['doctor', 'path', '--to', '127.0.0.1', '--uplink', 'nosuch0'],
    2,
    /^mptk: --uplink: expected an interface of this host \(.*\), found "nosuch0"/,
  ],
  [
    ['perf', 'client', '127.0.0.1', '--port', '1'],
    1,
    /^mptk: nobody listens on 127\.0\.0\.1:1 \(ECONNREFUSED\): start mptk perf server --listen 127\.0\.0\.1:1 there$/,
  ],
  [
    ['apply', '-c', 'none.yaml', '--confirm-within', '60x'],
    2,
    /^mptk: --confirm-within: expected a time as 60, 60s, 5m or 1h, at most 24h, found "60x"$/,
  ],
  [['apply', '-c', 'none.yaml', '--confirm-within', '0'], 2, /^mptk: --confirm-within: .*found "0"$/],
  [['apply', '-c', 'none.yaml', '--confirm-within', '25h'], 2, /^mptk: --confirm-within: .*found "25h"$/],
  // a number alone is seconds: then it is the file that is missed
  [['apply', '-c', 'none.yaml', '--confirm-within', '60'], 2, /^mptk: cannot read none\.yaml: ENOENT/],
]

for (const [args, code, line] of CASES) {
  void t.test(`mptk ${args.join(' ')}`, async (t) => {
    const ended = await run(t, args)
    t.match(ended, { code, stdout: '' })
    const text = ended.stderr.replace(/\n$/, '')
    t.match(text, line)
    t.notMatch(text, '\n', 'one line')
  })
}

void t.test('mptk lab run says where results go unless it is told', async (t) => {
  const { code, stdout } = await run(t, ['lab', 'run', '--help'])
  t.equal(code, 0)
  t.match(stdout.replaceAll(/\s+/g, ' '), './mptk-results-TIME unless given')
  t.notOk(
    readdirSync('.').some((each) => each.startsWith('mptk-results-')),
    'help makes no folder',
  )
})
