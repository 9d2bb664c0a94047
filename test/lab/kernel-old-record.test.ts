/**
 * Session records on a kernel without MPTCP_FULL_INFO (before 6.5, as Debian 12's): its subflows must
 * be asked for before the end too. A preloaded library takes the option away from the running kernel.
 */
import { execFileSync } from 'node:child_process'
import { join as joinPath } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { kernelChild } from '../support/kernel-child.js'
import { join, Namespace } from '../support/netns.js'
import { start } from '../support/process.js'
import { until } from '../support/until.js'

const SERVER = '10.73.1.2'
const PORT = 8080
const STATUS = '127.0.0.1:9400'
const SECOND = '10.73.2.1'

interface Ended {
  outcome: string
  client: { protocol: string; subflows: { local: string; remote: string; sent: number; received: number }[] }
}

void t.test('both subflows are in the record, whichever way they are asked for', async (t) => {
  const lab = { client: new Namespace(t, 'client'), server: new Namespace(t, 'server') }
  join(lab.client, lab.server, 1, '10.73.1')
  join(lab.client, lab.server, 2, '10.73.2')
  lab.client.run('ip', 'route', 'add', 'default', 'via', '10.73.2.2', 'dev', 'l2', 'table', '2')
  lab.client.run('ip', 'rule', 'add', 'from', SECOND, 'table', '2')
  const folder = t.testdir({
    // YAML reads JSON
    'mptk.yaml': JSON.stringify({
      services: [{ type: 'reverse-tcp', listen: `${SERVER}:${PORT}`, target: STATUS }],
      status: { listen: STATUS },
      log: { format: 'json' },
    }),
  })
  const library = joinPath(folder, 'old-kernels.so')
  const source = fileURLToPath(new URL('../unit/native/old-kernels.c', import.meta.url))
  execFileSync('gcc', ['-shared', '-fPIC', '-o', library, source, '-ldl'])
  const client = kernelChild(t, { prefix: lab.client.prefix })
  await client.addEndpoint({ address: SECOND, interfaceIndex: 0, flags: ['subflow'] })

  const records: Record<string, Ended> = {}
  for (const kernel of ['6.1', 'running']) {
    const command = start(t, ['run', '--config', joinPath(folder, 'mptk.yaml')], {
      prefix: lab.server.prefix,
      env: { LD_PRELOAD: library, MPTK_TEST_KERNEL: kernel },
    })
    await command.addressOf('reverse-tcp')
    const fd = await client.connect({ address: SERVER, port: PORT }, { transport: 'mptcp' })
    await client.write(fd, 'GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
    t.match(await client.read(fd), /^HTTP\/1\.1 200 /)
    await until('two subflows', async () => {
      const { subflows } = await client.connectionInfo(fd)
      return subflows.filter(({ state }) => state === 'established').length === 2 ? undefined : 'not yet'
    })
    await client.write(fd, 'GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n')
    while ((await client.read(fd)) !== undefined) continue
    await client.close(fd)
    const { input } = await command.stderr.find(/"msg":"session ended"/)
    records[kernel] = JSON.parse(input) as Ended
    command.signal('SIGTERM')
    await command.ended
  }

  for (const [kernel, { outcome, client: side }] of Object.entries(records)) {
    t.match({ outcome, protocol: side.protocol }, { outcome: 'eof', protocol: 'mptcp' }, kernel)
    t.strictSame(
      side.subflows.map(({ remote }) => remote.split(':')[0]).sort(),
      ['10.73.1.1', SECOND],
      `${kernel}: both subflows`,
    )
    const [sent, received] = (['sent', 'received'] as const).map((key) =>
      side.subflows.reduce((sum, each) => sum + each[key], 0),
    )
    t.ok((sent ?? 0) > 200 && (received ?? 0) > 90, `${kernel}: ${sent} bytes sent, ${received} received`)
  }
})
