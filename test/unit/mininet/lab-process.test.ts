import t from 'tap'
import { LabProcess } from '../../../mininet/lab-process.js'
import { localRunner } from '../../../src/exec.js'

const shell = (script: string) => new LabProcess(localRunner.spawn(['sh', '-c', script]))

void t.test('a line is found before and after it was printed, on either output', async (t) => {
  const process = shell('echo port 80; read go; echo "done $go" >&2; read rest')
  t.teardown(() => process.stop())
  t.equal((await process.waitForLine(/^port (\d+)$/))[1], '80')
  t.equal((await process.waitForLine(/^port/g)).input, 'port 80', 'again, from what was kept')
  const wait = process.waitForLine(/^done/)
  process.stdin.write('now\n')
  t.equal((await wait).input, 'done now')
  t.strictSame(process.lines, ['port 80', 'done now'])
})

void t.test('waiting for a line ends with the command and with the time', async (t) => {
  const ended = shell('echo something; exit 4')
  await t.rejects(ended.waitForLine(/else/), {
    code: 'MPTK_LAB',
    message: /no line like else.*ended; last: something/,
  })
  t.strictSame(await ended.exited, { exitCode: 4, signal: undefined })
  await t.rejects(ended.waitForLine(/else/), { code: 'MPTK_LAB' })
  const silent = shell('read nothing')
  t.teardown(() => silent.stop())
  await t.rejects(silent.waitForLine(/x/, { timeout: 20 }), { message: /20 ms are over/ })
})

void t.test('stop asks first, then insists', async (t) => {
  const polite = shell('trap "echo bye; exit 5" TERM; echo ready; while :; do sleep 0.05; done')
  await polite.waitForLine(/ready/)
  t.strictSame(await polite.stop(), { exitCode: 5, signal: undefined })
  const stubborn = shell('trap "" TERM; echo ready; while :; do sleep 0.05; done')
  await stubborn.waitForLine(/ready/)
  t.strictSame(await stubborn.stop({ grace: 100 }), { exitCode: undefined, signal: 'SIGKILL' })
})
