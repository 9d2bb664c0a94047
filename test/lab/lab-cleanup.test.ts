import { open, readdir, stat } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import { Lab, readTopology } from '../../mininet/lab.js'
import { localRunner, namespaceRunner } from '../../src/exec.js'
import { until } from '../support/until.js'

const thesis = await readTopology('thesis')

/**
 * A process's network namespace, and who is in it. Held open until the test ends: otherwise its
 * inode number would soon be somebody else's.
 */
async function watchNamespace(t: Test, pid: number) {
  const handle = await open(`/proc/${pid}/ns/net`)
  t.teardown(() => handle.close())
  const { ino } = await handle.stat()
  return async (): Promise<string[]> => {
    const inside: string[] = []
    for (const entry of await readdir('/proc')) {
      if (!/^\d+$/.test(entry)) continue
      const namespace = await stat(`/proc/${entry}/ns/net`).catch(() => undefined)
      if (namespace?.ino === ino) inside.push(entry)
    }
    return inside
  }
}

async function machineInterfaces(): Promise<string> {
  const { stdout } = await localRunner.run(['ip', '-o', 'link', 'show'])
  return stdout.replace(/^(\d+: [^:]+):.*$/gm, '$1')
}

/** lab.py without its driver, so that nobody but lab.py itself cleans up. */
async function startBare(t: Test) {
  const lab = localRunner.spawn(['/usr/bin/python3', 'mininet/lab.py', '-'])
  t.teardown(() => lab.kill('SIGTERM'))
  lab.stderr.resume()
  lab.stdin.write(`${JSON.stringify(thesis)}\n`)
  const line = await new Promise<string>((resolve) =>
    createInterface({ input: lab.stdout }).once('line', resolve),
  )
  const { hosts } = JSON.parse(line) as { hosts: { client: { pid: number } } }
  const { pid } = hosts.client
  // A daemon: it has left every process group and session that ends with somebody.
  await namespaceRunner(pid).run(['iperf3', '-s', '-D'])
  const inside = await watchNamespace(t, pid)
  // on its way to being a daemon it leaves a process behind, which ends
  await until('the shell and the daemon', async () => {
    const { length } = await inside()
    return length === 2 ? undefined : `${length} processes`
  })
  return { lab, inside }
}

void t.test('nothing of a lab shows in the network of the machine', async (t) => {
  const before = await machineInterfaces()
  const lab = await Lab.start(thesis)
  t.equal(await machineInterfaces(), before)
  await lab.stop()
  t.equal(await machineInterfaces(), before)
})

void t.test('the end of its input ends a lab and all that runs in it', async (t) => {
  const { lab, inside } = await startBare(t)
  lab.stdin.end()
  t.strictSame(await lab.exited, { exitCode: 0, signal: undefined })
  t.strictSame(await inside(), [])
})

void t.test('so does a signal', async (t) => {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    const { lab, inside } = await startBare(t)
    lab.kill(signal)
    t.strictSame(await lab.exited, { exitCode: 0, signal: undefined }, signal)
    t.strictSame(await inside(), [])
  }
})

void t.test('what a killed lab leaves is removed by the next, which leaves living labs alone', async (t) => {
  const living = await Lab.start(thesis)
  t.teardown(() => living.stop())
  const { lab, inside } = await startBare(t)
  lab.kill('SIGKILL')
  await lab.exited
  t.not((await inside()).length, 0, 'the daemon holds on to its namespace')
  const next = await Lab.start(thesis)
  t.strictSame(await inside(), [])
  await next.stop()
  await living.host('client').run(['ping', '-n', '-c', '1', '-W', '5', '10.0.3.3'])
})

void t.test('the driver notices that lab.py was killed, and cleans up', async (t) => {
  const lab = await Lab.start(thesis)
  const client = lab.host('client')
  const inside = await watchNamespace(t, client.pid)
  await client.run(['iperf3', '-s', '-D'])
  const sleeper = client.spawn(['sleep', '600'])
  process.kill(lab.pid, 'SIGKILL')
  t.match(await lab.ended, { code: 'MPTK_LAB', message: /lab\.py ended \(SIGKILL\)/ })
  await sleeper.exited
  t.strictSame(await inside(), [])
  await t.rejects(lab.link('wlan').down(), { code: 'MPTK_LAB', message: /SIGKILL/ })
  await lab.stop()
})

void t.test('a lab can be given up while it is being built', async (t) => {
  const controller = new AbortController()
  const starting = Lab.start(thesis, { signal: controller.signal })
  controller.abort(new Error('changed my mind'))
  await t.rejects(starting, { code: 'MPTK_LAB', message: /aborted/ })
  await t.rejects(Lab.start(thesis, { signal: controller.signal }), { code: 'MPTK_LAB', message: /aborted/ })
})

void t.test('an abort ends a running lab', async (t) => {
  const controller = new AbortController()
  const lab = await Lab.start(thesis, { signal: controller.signal })
  const inside = await watchNamespace(t, lab.host('web').pid)
  controller.abort()
  t.equal(await lab.ended, undefined)
  t.strictSame(await inside(), [])
})

void t.test('two labs of the same topology run side by side', async (t) => {
  const [one, other] = await Promise.all([Lab.start(thesis), Lab.start(thesis)])
  t.teardown(() => other.stop())
  for (const lab of [one, other]) {
    await lab.host('client').run(['ping', '-n', '-c', '1', '-W', '5', '10.0.3.3'])
  }
  await one.link('wlan').down()
  await one.stop()
  await other.host('client').run(['ping', '-n', '-c', '1', '-W', '5', '-I', '10.0.1.2', '10.0.3.3'])
  t.pass('the other goes on')
})
