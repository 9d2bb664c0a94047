// Every command of docs/linkem.md, run as it stands there, top to bottom.
import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import t from 'tap'
import { linkem } from '../support/linkem.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
const page = readFileSync(join(root, 'docs/linkem.md'), 'utf8')
const blocks = [...page.matchAll(/```sh\n(.*?)```/gs)].map((match) => match[1] ?? '')
const NAMESPACES = ['lk-left', 'lk-right']

const namespaces = () => execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' })

void t.test('docs/linkem.md', (t) => {
  linkem()
  t.ok(blocks.length >= 8, 'commands found')
  t.teardown(() => {
    const left = NAMESPACES.filter((name) => namespaces().includes(name))
    for (const name of left) execFileSync('ip', ['netns', 'delete', name])
  })
  const { status, stdout, stderr } = spawnSync('bash', ['-eu', '-o', 'pipefail', '-c', blocks.join('\n')], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, TMPDIR: t.testdir() },
    timeout: 60_000,
  })
  t.equal(status, 0, stderr)
  t.match(stdout, '{"ok":true,"ready":{"a":{"name":"wlan0"')
  t.match(stdout, '3 packets transmitted, 3 received')
  const refused = /\{"ok":false.*/.exec(page)?.[0] ?? 'an example of an error'
  t.match(stdout, refused, 'the error shown')
  t.equal(stdout.split('{"ok":false').length, 2, 'and no other')
  t.match(stdout, 'Usage: linkem')
  t.notMatch(namespaces(), /lk-left|lk-right/)
  t.end()
})

void t.test('the page names what the program knows', (t) => {
  const help = execFileSync(linkem(), ['--help'], { encoding: 'utf8' })
  const options = [...help.matchAll(/--[a-z-]+/g)].map(([option]) => option)
  const words = [...help.matchAll(/\[DIR\] ([a-z]+) [A-Z]/g)].map((match) => `\`[DIR] ${match[1] ?? ''} `)
  t.ok(options.length > 8 && words.length >= 8)
  for (const word of [...options, ...words]) t.ok(page.includes(word), word)
  t.end()
})
