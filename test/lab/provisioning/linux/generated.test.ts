/** The generated files in the hands of the tools they are for. */
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import t from 'tap'
import { openwrtFiles } from '../../../../provisioning/generate/openwrt.js'
import type { OutputFile } from '../../../../provisioning/generate/output.js'
import { systemdFiles } from '../../../../provisioning/generate/systemd.js'
import { sysctlFiles } from '../../../../provisioning/generate/sysctl-d.js'
import { nftInterface } from '../../../../provisioning/setups/nft-words.js'
import { localRunner } from '../../../../src/exec.js'
import { inOwnNetwork } from '../../../support/own-network.js'
import { run as mptk } from '../../../support/process.js'
import { DESCRIPTION, TARGET } from '../../../unit/provisioning/generate/description.js'

async function write(folder: string, files: readonly OutputFile[]): Promise<void> {
  for (const { path, mode, content } of files) {
    await mkdir(join(folder, dirname(path)), { recursive: true })
    await writeFile(join(folder, path), content, { mode: Number.parseInt(mode, 8) })
  }
}

if (inOwnNetwork(t, import.meta.url)) {
  const folder = await mkdtemp(join(tmpdir(), 'drivers-generated-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const run = (...argv: string[]) => localRunner.run(argv, { timeout: 30_000 })

  void t.test('systemd-analyze takes the units', async (t) => {
    const files = systemdFiles(DESCRIPTION, TARGET)
    await write(folder, files)
    const units = files.map(({ path }) => path).filter((path) => path.endsWith('.service'))
    t.strictSame(units.map((path) => path.replace('/etc/systemd/system/', '')).sort(), [
      'mptk-barrier.service',
      'mptk-dns.service',
      'mptk-host.service',
      'mptk.service',
    ])
    const { stderr } = await run(
      'systemd-analyze',
      'verify',
      '--man=no',
      ...units.map((path) => join(folder, path)),
    )
    t.notMatch(stderr, /mptk[\w-]*\.service/, 'without a complaint about ours')
  })

  void t.test('sysctl takes the settings, also without the interface', async (t) => {
    const [file] = sysctlFiles(DESCRIPTION, TARGET)
    await write(folder, file === undefined ? [] : [file])
    await run('sysctl', '-qw', 'net.mptcp.enabled=0')
    await run('sysctl', '-e', '-q', '-p', join(folder, file?.path ?? ''))
    t.equal((await run('sysctl', '-n', 'net.mptcp.enabled')).stdout, '1')
    t.match((await run('sysctl', '-n', 'net.ipv4.tcp_rmem')).stdout, /^4096\s+131072\s+33554432$/)
  })

  void t.test('odd names of interfaces are the same to nft as to the kernel', async (t) => {
    for (const [index, name] of ['eth*', 'a;b', 'a$b', 'a{b}', 'ünï', "a'b"].entries()) {
      const word = nftInterface(name)
      await run('ip', 'link', 'add', 'name', name, 'type', 'veth', 'peer', 'name', `peer${index}`)
      const script = `table inet odd {\n\tchain c {\n\t\tiifname { ${word} } drop\n\t\tfib daddr oifname ${word} return\n\t}\n}\n`
      await localRunner.run(['nft', '-f', '-'], { input: script })
      const { stdout } = await run('nft', 'list', 'table', 'inet', 'odd')
      t.match(stdout, `iifname ${word} drop`)
      t.match(stdout, `oifname ${word} return`)
      await run('nft', 'delete', 'table', 'inet', 'odd')
    }
  })

  void t.test(
    "OpenWrt's scripts are scripts, its hotplug does its work twice, its table loads twice",
    async (t) => {
      const files = openwrtFiles(DESCRIPTION, TARGET)
      await write(folder, files)
      const scripts = files
        .filter(({ content }) => content.startsWith('#!/bin/sh'))
        .map(({ path }) => join(folder, path))
      t.equal(scripts.length, 3)
      for (const script of scripts) await run('sh', '-n', script)

      await run('ip', 'link', 'add', 'up0', 'type', 'veth', 'peer', 'name', 'up1')
      await run('ip', 'link', 'set', 'up0', 'up')
      await run('ip', 'address', 'add', '10.0.1.2/24', 'dev', 'up0')
      const nft = files.find(({ path }) => path.endsWith('.nft'))?.path ?? ''
      for (const round of ['first', 'second']) {
        await run('env', 'ACTION=ifup', 'sh', join(folder, 'etc/hotplug.d/iface/90-mptk'))
        t.match(
          (await run('ip', 'mptcp', 'endpoint')).stdout,
          /^10\.0\.1\.2 id 200 subflow fullmesh dev up0 *$/,
          round,
        )
        t.match((await run('ip', 'mptcp', 'limits')).stdout, 'add_addr_accepted 8 subflows 8')
        t.match((await run('ip', 'route', 'show', 'table', '5200')).stdout, 'default via 10.0.1.1 dev up0')
        const { stdout } = await run('ip', 'rule', 'show', 'priority', '5200')
        t.equal(stdout.trim(), '5200:\tfrom 10.0.1.2 lookup 5200', 'once')
        await run('nft', '-f', join(folder, nft))
        const chains = (await run('nft', 'list', 'table', 'inet', 'mptk')).stdout
        t.equal(chains.match(/tcp dport 80/g)?.length, 1, 'one rule, however often it is loaded')
      }
      await run('env', 'ACTION=ifdown', 'sh', join(folder, 'etc/hotplug.d/iface/90-mptk'))
    },
  )

  void t.test('mptk generate writes them for a configuration', async (t) => {
    const config = join(folder, 'proxy.yaml')
    const text = "services:\n  - { type: socks5, listen: '127.0.0.1:1080' }\nhost: { setup: proxy }\n"
    await writeFile(config, text)
    const tarball = ['--package', 'https://example.org/mptk.tgz', '--package-sha256', 'ab'.repeat(32)]
    for (const [format, ...more] of [
      ['systemd'],
      ['sysctl-d'],
      ['cloud-init', ...tarball],
      ['openwrt'],
    ] as const) {
      const out = join(folder, 'out', format)
      const ended = await mptk(t, ['generate', format, '--config', config, '--out', out, ...more])
      t.equal(ended.code, 0, `${format}: ${ended.stderr}`)
      t.ok(ended.stdout.includes(`${out}/`), 'each file is named')
    }
    const out = join(folder, 'out', 'systemd', 'etc')
    t.equal(await readFile(join(out, 'mptk', 'mptk.yaml'), 'utf8'), text)
    t.equal((await stat(join(out, 'mptk', 'mptk.yaml'))).mode & 0o777, 0o600)
    const unit = await readFile(join(out, 'systemd', 'system', 'mptk.service'), 'utf8')
    t.match(
      unit,
      /^ExecStart=\/usr\/local\/bin\/mptk run --config \/etc\/mptk\/mptk\.yaml --kept-by \/run\/mptk\/keep\.json$/m,
    )
    const wrong = await mptk(t, ['generate', 'floppy', '--config', config, '--out', out])
    t.equal(wrong.code, 2)
  })
}
