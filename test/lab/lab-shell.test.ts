import t from 'tap'
import { localRunner } from '../../src/exec.js'
import { LabProcess } from '../../mininet/lab-process.js'
import { mptkCommand, MPTK_ENV } from '../../mininet/mptk-process.js'
import { run } from '../support/process.js'

void t.test('a shell in a host, with its exit code', async (t) => {
  const input = 'ip -o -4 address show dev wlan\nexit 3\n'
  const { code, stdout } = await run(t, ['lab', 'shell', 'thesis', '--host', 'client'], { input })
  t.equal(code, 3)
  t.match(stdout, /^client\n {2}wlan 10\.0\.1\.2\/24 fd00:1::2\/64$/m, 'the hosts are listed')
  t.match(stdout, /inet 10\.0\.1\.2\/24/, 'what the shell printed')
})

void t.test('without a host: others join, Ctrl-C ends it', async (t) => {
  const argv = mptkCommand('lab', 'shell', 'thesis-paths')
  const lab = new LabProcess(localRunner.spawn(argv, { env: MPTK_ENV }))
  t.teardown(() => lab.stop())
  await lab.waitForLine(/^Ctrl-C or Ctrl-D ends the lab/)
  t.match(lab.lines.join('\n'), /links: wlan (linkem|netem), cell (linkem|netem), infra htb/)
  const lines = lab.lines.slice(lab.lines.indexOf('proxy'))
  const join = lines.find((line) => line.startsWith('  join: '))?.slice('  join: '.length) ?? ''
  const words = join.split(' ')
  const { stdout } = await localRunner.run([...words, '-c', 'ip -o -4 address show dev eth0'])
  t.match(stdout, '10.0.3.2/24')
  lab.kill('SIGINT')
  t.strictSame(await lab.exited, { exitCode: 0, signal: undefined })
  await t.rejects(localRunner.run([...words, '-c', 'true']), { code: 'MPTK_EXEC' }, 'the lab is gone')
})

void t.test('the end of input ends it', async (t) => {
  const { code, stdout } = await run(t, ['lab', 'shell', 'mobile'])
  t.equal(code, 0)
  t.match(stdout, /^client\n {2}lte1 10\.1\.1\.2\/24/m)
})

void t.test('what is not there is told before or with what is', async (t) => {
  const nowhere = await run(t, ['lab', 'shell', 'nowhere'])
  t.match(nowhere, { code: 2, stderr: /expected a topology \(mobile, models, .*found "nowhere"/ })
  const nobody = await run(t, ['lab', 'shell', 'thesis', '--host', 'nobody'])
  t.match(nobody, { code: 1, stderr: /there is no host nobody; there are client, router/ })
})
