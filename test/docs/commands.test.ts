// measures
/**
 * Every command of the README runs here, in the network of the integration models. A block of commands says where by
 * a comment before it: `<!-- run: HOST -->`, with `, until REGEX` for one that keeps running,
 * `root here` for this machine, or the name of the test that runs it.
 */
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { Lab, readTopology } from '../../mininet/lab.js'
import { startWebServer } from '../../mininet/web-server.js'
import { localRunner } from '../../src/exec.js'
import { CONFIG, install, startDns } from '../support/models.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const BLOCK = /(?:<!-- run: (?<where>.*?) -->\n\n)?```sh\n(?<commands>.*?)```/gs

interface Block {
  where: string | undefined
  commands: string
}

async function blocksOf(file: string): Promise<Block[]> {
  const text = await readFile(join(ROOT, file), 'utf8')
  return [...text.matchAll(BLOCK)].map(({ groups }) => ({
    where: groups?.['where'],
    commands: groups?.['commands']?.trim() ?? '',
  }))
}

/** `mptk` as `npm link` would put it on the path, and the files that the README speaks of. */
async function prepare(t: Test): Promise<{ folder: string; env: Record<string, string> }> {
  const folder = await mkdtemp(join(tmpdir(), 'mptk-docs-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const bin = join(folder, 'bin')
  const env = { PATH: `${bin}:${process.env['PATH'] ?? ''}`, NODE_OPTIONS: '' }
  await mkdir(bin)
  const main = join(ROOT, 'dist', 'src', 'cli', 'main.js')
  await writeFile(join(bin, 'mptk'), `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`)
  await chmod(join(bin, 'mptk'), 0o755)
  await symlink(join(ROOT, 'examples'), join(folder, 'examples'))
  return { folder, env }
}

void t.test('every block of commands says where it is run', async (t) => {
  const documents = (await readdir(join(ROOT, 'docs'))).filter((name) => name.endsWith('.md'))
  for (const file of ['README.md', ...documents.map((name) => join('docs', name))]) {
    for (const { where, commands } of await blocksOf(file)) t.ok(where, `${file}: ${commands.split('\n')[0]}`)
  }
})

void t.test('the commands that tests and continuous integration run are the ones they run', async (t) => {
  const ci = await readFile(join(ROOT, '.ci', 'run'), 'utf8')
  t.match(ci, /^npm ci\nnpm test$/m)
  const named = (await blocksOf('README.md')).flatMap(({ where }) => /\S+\.test\.ts/.exec(where ?? '') ?? [])
  const tests = await readdir(join(ROOT, 'test'), { recursive: true })
  for (const name of named)
    t.ok(
      tests.some((each) => each.endsWith(name)),
      `${name} exists`,
    )
})

void t.test('the README, from top to bottom', async (t) => {
  const { folder, env } = await prepare(t)
  const lab = await Lab.start(await readTopology('models'))
  t.teardown(() => lab.stop())
  await startWebServer(lab.host('web'), 'http://10.0.3.3/', { folder, size: 4_000_000 })
  await startDns({ lab, folder }, [
    ['www.example.org', '10.0.3.2'],
    ['shop.example.org', '10.0.3.2'],
  ])
  // the secrets that the examples name
  for (const [host, example] of [
    ['proxy', 'proxy'],
    ['home', 'client'],
  ] as const) {
    await install(lab.host(host), example)
    await lab.host(host).run(['rm', CONFIG])
  }

  for (const { where = '', commands: written } of await blocksOf('README.md')) {
    // whoever runs this has run npm ci
    const commands = written.replace(/^npm ci && /, '')
    const cwd = commands.startsWith('npm ') ? ROOT : folder
    const [, host, ready] = /^(\w+)(?:, until (.*))?$/.exec(where) ?? []
    const argv = ['sh', '-ec', commands]
    if (where === 'root here') {
      const { stdout } = await localRunner.run(argv, { cwd, env, timeout: 900_000 })
      t.match(stdout, /bonded is \d\.\d+ × the sum/, commands)
    } else if (host !== undefined && ready !== undefined) {
      const process = lab.host(host).spawn(argv, { cwd, env })
      // npm start builds first
      await process.waitForLine(new RegExp(ready), { timeout: 600_000 })
      t.pass(commands)
    } else if (host !== undefined) {
      await t.resolves(lab.host(host).run(argv, { cwd, env, timeout: 300_000 }), commands)
    }
  }
})
