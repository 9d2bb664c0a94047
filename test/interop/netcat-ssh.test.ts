/** OpenBSD netcat as a SOCKS5 client, by itself and as the ProxyCommand of ssh. */
import t, { type Test } from 'tap'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { inOwnNetwork } from '../support/own-network.js'
import { Random } from '../support/random.js'
import { scratchFolder } from '../support/scratch.js'
import { runTool, sha256, startServer } from '../support/tools.js'
import { PORTS, startProxies } from './setting.js'

/** Where sshd wants to lock itself in; Debian's service makes it. */
const PRIVILEGE_SEPARATION = '/run/sshd'

/** Answers with a checksum when the client has half-closed, and not before. */
async function startSummer(t: Test): Promise<void> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const chunks: Buffer[] = []
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.on('end', () => socket.end(sha256(Buffer.concat(chunks))))
  })
  server.listen(PORTS.echo, '::')
  await once(server, 'listening')
  t.teardown(() => server.close())
}

async function checkNetcat(t: Test): Promise<void> {
  await startSummer(t)
  const input = new Random(42).bytes(3_000_001)
  for (const port of [PORTS.open, PORTS.chain]) {
    for (const host of ['127.0.0.1', '::1', 'localhost']) {
      const args = ['-N', '-X', '5', '-x', `127.0.0.1:${port}`, host, String(PORTS.echo)]
      const got = await runTool('nc', args, { input })
      t.equal(got.code, 0, `${port}, ${host}: ${got.stderr}`)
      t.equal(got.stdout.toString(), sha256(input), 'the end of input arrives, and the answer after it')
    }
  }
  const refused = ['-X', '5', '-x', `127.0.0.1:${PORTS.open}`, '127.0.0.1', String(PORTS.refused)]
  t.match(await runTool('nc', refused), { code: 1, stderr: /Connection refused/ }, 'a refused connection')
}

/** An sshd with keys of its own; returns the options by which ssh and scp reach it through a proxy. */
async function startSshd(t: Test): Promise<(proxyPort: number) => string[]> {
  const folder = scratchFolder(t)
  const path = (name: string): string => join(folder, name)
  for (const key of ['host', 'user']) {
    await runTool('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path(key)])
  }
  writeFileSync(path('authorized'), readFileSync(path('user.pub')))
  const hostKey = readFileSync(path('host.pub'), 'utf8')
  writeFileSync(path('known'), `[127.0.0.1]:${PORTS.ssh} ${hostKey}[localhost]:${PORTS.ssh} ${hostKey}`)
  chmodSync(path('authorized'), 0o600)
  const configuration = `
    ListenAddress 127.0.0.1:${PORTS.ssh}
    HostKey ${path('host')}
    AuthorizedKeysFile ${path('authorized')}
    PidFile none
    StrictModes no
    UsePAM no
    PasswordAuthentication no
    PermitRootLogin prohibit-password
    Subsystem sftp internal-sftp`
  writeFileSync(path('sshd.conf'), configuration.replaceAll(/\n\s+/g, '\n').trimStart())
  if (!existsSync(PRIVILEGE_SEPARATION)) {
    mkdirSync(PRIVILEGE_SEPARATION, { mode: 0o755 })
    t.teardown(() => rmdirSync(PRIVILEGE_SEPARATION))
  }
  await startServer(t, '/usr/sbin/sshd', ['-D', '-e', '-f', path('sshd.conf')], PORTS.ssh)
  return (proxyPort) => [
    ...['-F', '/dev/null', '-i', path('user')],
    ...[
      '-o',
      `UserKnownHostsFile=${path('known')}`,
      '-o',
      'StrictHostKeyChecking=yes',
      '-o',
      'BatchMode=yes',
    ],
    ...['-o', `ProxyCommand=nc -X 5 -x 127.0.0.1:${proxyPort} %h %p`],
  ]
}

async function checkSsh(t: Test): Promise<void> {
  const options = await startSshd(t)
  const folder = scratchFolder(t)
  const bytes = new Random(43).bytes(5_000_001)
  writeFileSync(join(folder, 'original'), bytes)
  for (const [proxyPort, host] of [
    [PORTS.open, '127.0.0.1'],
    [PORTS.chain, 'localhost'],
  ] as const) {
    const ssh = [...options(proxyPort), '-p', String(PORTS.ssh), `root@${host}`]
    const command = await runTool('ssh', [...ssh, 'echo $((6 * 7)); exit 3'])
    t.match(command, { code: 3 }, `${proxyPort}: the command's exit code: ${command.stderr}`)
    t.equal(command.stdout.toString(), '42\n')
    const piped = await runTool('ssh', [...ssh, 'sha256sum'], { input: bytes })
    t.match(piped.stdout.toString(), sha256(bytes), 'standard input arrives, with its end')

    const copy = join(folder, String(proxyPort))
    const scp = [...options(proxyPort), '-P', String(PORTS.ssh), '-q']
    const copied = await runTool('scp', [...scp, join(folder, 'original'), `root@${host}:${copy}`])
    t.equal(copied.code, 0, `scp: ${copied.stderr}`)
    t.equal(sha256(readFileSync(copy)), sha256(bytes), 'the copy is the same')
  }
}

if (inOwnNetwork(t, import.meta.url)) {
  await t.test('netcat and ssh', async (t) => {
    await startProxies(t)
    await t.test('nc -X 5', checkNetcat)
    await t.test('ssh with ProxyCommand nc', checkSsh)
  })
}
