/** The command itself: what it prints and its exit code, on three kernels. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import type { KernelReport } from '../../../src/kernel/kernel.js'
import { bootedOutOfTree, FakeKernel } from '../../support/preload.js'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))

function doctor(env: Record<string, string>, ...args: string[]): { status: number | null; output: string } {
  const assignments = Object.entries(env).map(([name, value]) => `${name}=${value}`)
  const command = [process.execPath, '--import', 'tsx', 'src/cli/main.ts', 'doctor', ...args]
  // env(1) sets them for node alone
  const { status, stdout } = spawnSync('env', ['-u', 'NODE_OPTIONS', ...assignments, ...command], {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return { status, output: stdout }
}

void t.test('this kernel', (t) => {
  const { status, output } = doctor({}, '--json')
  const report = JSON.parse(output) as KernelReport
  t.equal(status, report.mptcp ? 0 : 1)
  t.match(report.findings[0], { name: 'kernel', value: new RegExp(`Linux ${report.release}`) })
  t.ok(report.congestionControls.available.includes(report.congestionControls.default))
  t.end()
})

void t.test('out-of-tree', (t) => {
  const fake = bootedOutOfTree(t)
  const good = doctor(fake.env('out-of-tree'))
  t.equal(good.status, 0)
  t.match(good.output, /^ok {4}kernel +Linux .*out-of-tree/)
  t.match(good.output, /\nMPTCP can be used here\.\n$/)
  fake.write('sys/net/mptcp/mptcp_enabled', 0)
  const off = doctor(fake.env('out-of-tree'))
  t.equal(off.status, 1)
  t.match(
    off.output,
    /\nFAIL {2}mptcp +net\.mptcp\.mptcp_enabled is 0\n +\$ sysctl -w net\.mptcp\.mptcp_enabled=1\n/,
  )
  t.end()
})

void t.test('without MPTCP', (t) => {
  const { status, output } = doctor(new FakeKernel(t).env('tcp-only'))
  t.equal(status, 1)
  t.match(output, /\nFAIL {2}mptcp +this kernel was built without MPTCP/)
  t.match(output, /\nMPTCP cannot be used here/)
  t.end()
})
