/**
 * The package as somebody gets it: packed, installed where nothing can be compiled, and a server's
 * first boot by cloud-init's file. Neither namespace reaches any other machine: all that is needed
 * is in the tarball.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import { parse, stringify } from 'yaml'
import { MPTK_UP } from '../../mininet/mptk-process.js'
import { localRunner } from '../../src/exec.js'
import { Namespace } from '../support/netns.js'
import { OwnSystemd } from '../support/own-systemd.js'
import { installAsNobody, ownFiles, pack, PATIENCE } from '../support/packed.js'
import { run } from '../support/process.js'
import { scratchFolder } from '../support/scratch.js'
import { sha256 } from '../support/tools.js'
import { until } from '../support/until.js'

const WEB = 'http://127.0.0.1:8000'
const SOCKS = '127.0.0.1:1080'
const CONFIG = {
  services: [{ type: 'socks5', listen: SOCKS, rules: [{ allow: { destinations: '127.0.0.1' } }] }],
  status: { listen: '127.0.0.1:9400' },
}

/** Serves the files of a folder. */
const SERVER = `
require('node:http').createServer((request, response) => {
  require('node:fs').createReadStream(process.argv[1] + request.url).on('error', () => response.destroy()).pipe(response)
}).listen(8000, '127.0.0.1', () => console.log('ready'))
`

async function firstLine(t: Test, argv: readonly string[], pattern: RegExp, cwd?: string): Promise<void> {
  const child = localRunner.spawn(argv, { env: { NODE_OPTIONS: '' }, ...(cwd === undefined ? {} : { cwd }) })
  t.teardown(async () => {
    child.kill('SIGKILL')
    await child.exited
  })
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  for await (const line of createInterface({ input: child.stdout })) {
    if (!pattern.test(line)) continue
    child.stdout.resume()
    return
  }
  throw new Error(`${argv.join(' ')} ended: ${errors}`)
}

/** The page, by way of the proxy. */
async function relayed(prefix: readonly string[]): Promise<string> {
  const curl = ['curl', '-sS', '--fail', '--socks5-hostname', SOCKS, `${WEB}/page`]
  return (await localRunner.run([...prefix, ...curl], { timeout: 60_000 })).stdout
}

interface UserData {
  packages: string[]
  write_files: { path: string; permissions: string; content: string }[]
  runcmd: string[][]
}

void t.test('packed, installed, booted', async (t) => {
  const tarball = await pack(t)
  const served = dirname(tarball)
  writeFileSync(join(served, 'page'), 'the page')

  await t.test('installed by an ordinary user, without a compiler', async (t) => {
    const network = new Namespace(t, 'user')
    const installed = await installAsNobody(t, network.prefix, tarball)
    t.match(installed.output, /^mptcp-toolkit: the prebuilt native core is used$/m)
    t.strictSame(
      installed.compilers().filter((call) => !call.endsWith(' --version')),
      [],
      'nothing was compiled',
    )
    const files = ownFiles(installed.folder)
    for (const each of ['CHANGELOG.md', 'LICENSE', 'docs/configuration.md', 'examples/router.yaml']) {
      t.ok(files.includes(each), each)
    }
    t.strictSame(
      files.filter((path) => /\.map$|(?<!\.d)\.ts$|^(test|bench|\.ci)\b/.test(path)),
      [],
      'no maps, sources or tests',
    )
    t.notMatch(readFileSync(join(installed.folder, 'dist/src/index.js'), 'utf8'), 'sourceMappingURL')

    const config = join(scratchFolder(t), 'mptk.yaml')
    writeFileSync(config, stringify(CONFIG))
    await localRunner.run(['chmod', '-R', 'a+rX', dirname(config)])
    await firstLine(t, [...network.prefix, process.execPath, '-e', SERVER, served], /^ready$/)
    const mptk = join(installed.folder, '..', '.bin', 'mptk')
    const words = ['sh', '-c', 'exec "$@" 2>&1', 'sh', mptk, 'run', '--config', config]
    await firstLine(t, [...installed.prefix, ...words], MPTK_UP, served)
    t.equal(await relayed(network.prefix), 'the page')

    const core = join(installed.folder, 'prebuilds', `linux-${process.arch}-glibc`, 'mptk.node')
    const { stdout } = await localRunner.run(['objdump', '-T', core])
    const newest = [...stdout.matchAll(/GLIBC_2\.(\d+)/g)].map(([, minor]) => Number(minor))
    const text = readFileSync(new URL('../../docs/install.md', import.meta.url), 'utf8')
    const [, stated] = /glibc 2\.(\d+) or later/.exec(text) ?? []
    t.equal(Math.max(...newest), Number(stated), 'docs/install.md says which glibc it needs')
  })

  await t.test("a server's first boot", async (t) => {
    const network = new Namespace(t, 'server')
    await firstLine(t, [...network.prefix, process.execPath, '-e', SERVER, served], /^ready$/)
    const folder = scratchFolder(t)
    const [config, out] = [join(folder, 'mptk.yaml'), join(folder, 'out')]
    writeFileSync(config, stringify({ ...CONFIG, host: { setup: 'proxy' } }))
    const url = `${WEB}/${basename(tarball)}`
    const hash = sha256(readFileSync(tarball))
    const place = ['--config', config, '--out', out]
    const words = [...place, '--package', url, '--package-sha256', hash]
    const made = await run(t, ['generate', 'cloud-init', ...words], { prefix: network.prefix })
    t.equal(made.code, 0, made.stderr)
    const data = parse(readFileSync(join(out, 'user-data'), 'utf8')) as UserData

    const systemd = await OwnSystemd.boot(t, network, scratchFolder(t))
    // a /usr/local of its own; and nothing but our own settings, since some are the whole machine's
    await systemd.run(
      'sh',
      '-ec',
      `mkdir /run/local && mount -t tmpfs tmpfs /run/local && mkdir /run/local/u /run/local/w
      mount -t overlay -o lowerdir=/usr/local,upperdir=/run/local/u,workdir=/run/local/w overlay /usr/local
      rm -rf /usr/local/bin/mptk /usr/local/lib/node_modules /etc/sysctl.conf /etc/sysctl.d
      mkdir /etc/sysctl.d && mount -t tmpfs tmpfs /usr/lib/sysctl.d`,
    )
    for (const { path, permissions, content } of data.write_files) {
      await systemd.write(path, content)
      await systemd.run('chmod', permissions, path)
    }
    const step = (argv: readonly string[]) =>
      systemd.runner.run(argv, { timeout: PATIENCE, reject: false, env: { HOME: '/run', NODE_OPTIONS: '' } })
    const [install = [], ...rest] = data.runcmd

    const other = await step(install.map((word) => (word === hash ? 'ab'.repeat(32) : word)))
    t.not(other.exitCode, 0, 'another file than the one that was named')
    t.match(other.stderr, 'checksum did NOT match')
    t.not((await step(['test', '-e', '/usr/local/lib/node_modules'])).exitCode, 0, 'is not installed')

    for (const argv of [install, ...rest]) {
      const { exitCode, stdout, stderr } = await step(argv)
      t.equal(exitCode, 0, `${argv.slice(0, 2).join(' ')}: ${stdout} ${stderr}`)
    }
    await until('the service to relay', async () => {
      try {
        const page = await relayed(network.prefix)
        return page === 'the page' ? undefined : page
      } catch (error) {
        return String(error)
      }
    })
    t.pass('it relays')
    for (const unit of ['mptk-host', 'mptk']) {
      t.equal(await systemd.run('systemctl', 'is-active', unit), 'active', unit)
      t.equal(await systemd.run('systemctl', 'is-enabled', unit), 'enabled', unit)
    }
  })
})
