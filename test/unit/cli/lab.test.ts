import t from 'tap'
import { EXPERIMENTS } from '../../../mininet/experiments/index.js'
import { run } from '../../support/process.js'

void t.test('lab list names every experiment and topology, a line each', async (t) => {
  const { code, stdout } = await run(t, ['lab', 'list'])
  t.equal(code, 0)
  for (const { name, title } of EXPERIMENTS) t.match(stdout, new RegExp(`^  ${name} +${title} \\(`, 'm'))
  for (const name of ['thesis', 'thesis-paths', 'mobile'])
    t.match(stdout, new RegExp(`^  ${name}  +\\S`, 'm'))
})

const wrong: [args: string[], message: RegExp][] = [
  [['lab'], /expected lab run, lab list or lab shell/],
  [['lab', 'run', '--out', 'x'], /Not enough non-option arguments/],
  [['lab', 'run', 'single', 'nonsense', '--out', 'x'], /expected all, single, .*, found "nonsense"/],
  [['lab', 'run', 'singel', '--out', 'x'], /found "singel": did you mean single\?/],
  [
    ['lab', 'shell', 'thesiss'],
    /expected a topology \(.*\) or the path .*, found "thesiss": did you mean thesis\?/,
  ],
  [
    ['lab', 'run', 'all', '--out', 'x', '--repetitions', '0'],
    /--repetitions: expected a whole number from 1/,
  ],
  [['lab', 'run', 'all', '--out', '/dev/null/results'], /--out: expected a folder to write to: .*ENOTDIR/],
  [['lab', 'shell'], /Not enough non-option arguments/],
]

for (const [args, message] of wrong) {
  void t.test(`mptk ${args.join(' ')}`, async (t) => {
    const { code, stderr, stdout } = await run(t, args)
    // as a user the missing privilege is told first
    const said = process.getuid?.() === 0 ? message : new RegExp(`${message.source}|run it as root`)
    t.match({ code, stdout }, { code: 2, stdout: '' })
    t.match(stderr, said)
    t.equal(stderr.trim().split('\n').length, 1, 'one line')
  })
}
