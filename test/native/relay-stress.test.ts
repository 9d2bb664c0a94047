/** The relay engine by itself under the compiler's sanitizers; see relay-stress/main.c. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))
const PARTS = ['', '_thread', '_backlog', '_pipe', '_timers', '_pump', '_copy', '_splice']
const STRESS = ['main', 'scenario', 'peer', 'check', 'tools']
const SOURCES = [
  ...PARTS.map((part) => join(root, 'native', `relay${part}.c`)),
  ...STRESS.map((part) => join(root, 'test', 'native', 'relay-stress', `${part}.c`)),
]
const FLAGS = ['-D_GNU_SOURCE', '-std=gnu11', '-g', '-O1', '-Wall', '-Wextra', '-Werror', '-pthread']
const SEEDS = [1, 2]
const RELAYS = 400

for (const sanitizer of ['address,undefined', 'thread']) {
  void t.test(`random relays under -fsanitize=${sanitizer}`, async (t) => {
    const program = join(t.testdir(), 'relay-stress')
    const checks = [`-fsanitize=${sanitizer}`, '-fno-sanitize-recover=all']
    await run('gcc', [...FLAGS, ...checks, '-o', program, ...SOURCES])
    for (const seed of SEEDS) {
      const { stdout, stderr } = await run(program, [String(seed), String(RELAYS)])
      t.equal(stderr, '')
      const counts = /^clean (\d+) reset (\d+) aborted (\d+) timeout (\d+)$/.exec(stdout.trim())?.slice(1)
      t.ok(
        counts?.every((count) => Number(count) > 0),
        `seed ${seed}: ${stdout.trim()}`,
      )
    }
  })
}
