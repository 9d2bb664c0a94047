import t from 'tap'
import { localRunner } from '../../src/exec.js'

void t.test('a command gives its output and exit code', async (t) => {
  t.strictSame(
    await localRunner.run(['sh', '-c', 'cat; echo "$A $LC_ALL" >&2'], { input: 'in', env: { A: 'a' } }),
    {
      stdout: 'in',
      stderr: 'a C',
      exitCode: 0,
    },
  )
  t.equal((await localRunner.run(['pwd'], { cwd: '/' })).stdout, '/')
})

void t.test('a failing command is an error that carries the command and what it said', async (t) => {
  await t.rejects(localRunner.run(['sh', '-c', 'echo no such thing >&2; exit 3']), {
    code: 'MPTK_EXEC',
    message: 'sh -c echo no such thing >&2; exit 3: exit code 3: no such thing',
  })
})

void t.test('with reject: false the exit code is a result, also after a signal', async (t) => {
  t.equal((await localRunner.run(['sh', '-c', 'exit 3'], { reject: false })).exitCode, 3)
  t.equal((await localRunner.run(['sh', '-c', 'kill -9 $$'], { reject: false })).exitCode, 137)
})

void t.test('what cannot be started, takes too long or is aborted is always an error', async (t) => {
  await t.rejects(localRunner.run(['no-such-command'], { reject: false }), {
    code: 'MPTK_EXEC',
    message: /no-such-command: could not be started \(ENOENT\)/,
  })
  await t.rejects(localRunner.run(['sleep', '60'], { timeout: 50, reject: false }), {
    code: 'MPTK_EXEC',
    message: 'sleep 60: not done after 50 ms',
  })
  await t.rejects(localRunner.run(['sleep', '60'], { signal: AbortSignal.abort(), reject: false }), {
    code: 'MPTK_EXEC',
    message: 'sleep 60: aborted',
  })
  await t.rejects(localRunner.run([]), { code: 'MPTK_EXEC' })
  t.throws(() => localRunner.spawn(['no-such-command']), { code: 'MPTK_EXEC' })
})

void t.test('killing a spawned command ends what it started', async (t) => {
  const command = localRunner.spawn(['sh', '-c', 'sleep 60 & echo $!; wait'])
  command.stderr.resume()
  const line = await new Promise<string>((resolve) =>
    command.stdout.once('data', (data) => resolve(String(data))),
  )
  t.match(line, /^\d+\n$/)
  const closed = new Promise((resolve) => command.stdout.once('close', resolve).resume())
  t.ok(command.kill('SIGKILL'))
  t.strictSame(await command.exited, { exitCode: undefined, signal: 'SIGKILL' })
  // The pipe is closed when its last holder, the sleep, is gone.
  await closed
  t.pass('the sleep is gone')
})
