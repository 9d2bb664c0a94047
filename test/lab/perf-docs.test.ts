// measures
/** Every command of docs/perf.md, in order, on the thesis's topology; every option of the command is in it. */
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { Lab, readTopology } from '../../mininet/lab.js'
import { localRunner } from '../../src/exec.js'
import { CLEAN, MAIN, mptk } from '../support/perf-command.js'

const DOCUMENT = fileURLToPath(new URL('../../docs/perf.md', import.meta.url))
const BLOCK = /<!-- run: (?<host>\w+)(?:, until (?<ready>.*?))? -->\n\n```sh\n(?<commands>.*?)```/gs

void t.test('the commands', async (t) => {
  const bin = await mkdtemp(join(tmpdir(), 'mptk-perf-docs-'))
  t.teardown(() => rm(bin, { recursive: true, force: true }))
  const command = join(bin, 'mptk')
  await writeFile(command, `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`)
  await chmod(command, 0o755)
  const options = { env: { ...CLEAN.env, PATH: `${bin}:${process.env['PATH'] ?? ''}` } }
  const lab = await Lab.start(await readTopology('thesis'))
  t.teardown(() => lab.stop())

  const blocks = [...(await readFile(DOCUMENT, 'utf8')).matchAll(BLOCK)]
  t.ok(blocks.length >= 6)
  for (const { groups } of blocks) {
    const { host = '', ready, commands = '' } = groups ?? {}
    const argv = ['sh', '-ec', commands.trim()]
    if (ready === undefined) {
      const { stdout } = await lab.host(host).run(argv, { ...options, timeout: 120_000 })
      for (const line of commands.trim().split('\n')) t.pass(line)
      t.match(stdout, /^connected to 10\.0\.3\.[23]:5210: .*mptcp/m)
    } else {
      await lab.host(host).spawn(argv, options).waitForLine(new RegExp(ready))
      t.pass(commands)
    }
  }
})

void t.test('the options', async (t) => {
  const text = await readFile(DOCUMENT, 'utf8')
  for (const command of ['client', 'server']) {
    const { stdout } = await localRunner.run(mptk('perf', command, '--help'), CLEAN)
    const options = [...stdout.matchAll(/^ +(?:-\w, )?--([\w-]+)/gm)].map(([, name = '']) => name)
    t.ok(options.length > 8, `${command} has options`)
    for (const name of options) {
      if (['help', 'version'].includes(name)) continue
      t.match(text, new RegExp(`\`[^\`]*--${name}\\b`), `${command} --${name}`)
    }
  }
})
