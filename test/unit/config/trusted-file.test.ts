/** Files that others may write or read, as sshd's StrictModes and wg-quick look at theirs. */
import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { loadConfig, loadPassword, loadUsers } from '../../../src/config/load.js'
import { hidesRoot, readTrustedFile } from '../../../src/config/trusted-file.js'
import { localRunner } from '../../../src/exec.js'
import { scratchFolder } from '../../support/scratch.js'

const NOBODY = 65_534
const skip = process.geteuid?.() === 0 ? false : 'needs root'

interface Files {
  folder: string
  file: string
}

/** A folder of root's below one that everybody may write in and nobody may take away from (/tmp). */
function files(t: Test, content = 'secret\n', mode = 0o600): Files {
  const folder = join(scratchFolder(t), 'etc')
  mkdirSync(folder, { mode: 0o755 })
  const file = join(folder, 'password')
  writeFileSync(file, content)
  chmodSync(file, mode)
  return { folder, file }
}

const READERS: Readonly<Record<string, [load: (file: string) => Promise<unknown>, content: string]>> = {
  configuration: [loadConfig, 'services: [{type: socks5, listen: 127.0.0.1:0}]\n'],
  users: [loadUsers, 'alice: {password: secret}\n'],
  password: [loadPassword, 'secret\n'],
}

void t.test('what others may write is not used as root, whatever reads it', { skip }, async (t) => {
  for (const [what, [load, content]] of Object.entries(READERS)) {
    const { folder, file } = files(t, content)
    await t.resolves(load(file), what)
    for (const mode of [0o602, 0o660, 0o606, 0o666]) {
      chmodSync(file, mode)
      chownSync(file, 0, 100)
      await t.rejects<unknown>(load(file), {
        code: 'MPTK_UNTRUSTED_FILE',
        message: `${file}: root does what this file says: expected it and its folders to be changed by nobody else, found ${file} with mode 0${mode.toString(8)}: chmod go-w ${file}`,
      })
    }
    chmodSync(file, 0o600)
    chownSync(file, NOBODY, 0)
    await t.rejects<unknown>(load(file), {
      code: 'MPTK_UNTRUSTED_FILE',
      message: /found .*password of user 65534: chown root /,
    })
    chownSync(file, 0, 0)
    chmodSync(folder, 0o777)
    await t.rejects(load(file), { message: /found .*\/etc with mode 0777: chmod go-w / }, 'its folder')
    chmodSync(folder, 0o755)
    chownSync(folder, NOBODY, 0)
    await t.rejects(load(file), { message: /found .*\/etc of user 65534/ }, 'who owns the folder')
  }
})

void t.test('a sticky folder, root’s group, a link of root’s', { skip }, async (t) => {
  const { folder, file } = files(t)
  chmodSync(folder, 0o1777)
  await t.resolves(readTrustedFile(file), 'as /tmp is')
  chmodSync(folder, 0o755)
  chmodSync(file, 0o660)
  await t.resolves(readTrustedFile(file), 'group root is root')
  const link = join(scratchFolder(t), 'link')
  symlinkSync(file, link)
  await t.resolves(readTrustedFile(link))
  chownSync(folder, NOBODY, 0)
  await t.rejects(readTrustedFile(link), { message: /etc of user 65534/ }, 'where the link leads to')
})

void t.test('whoever became root by sudo is believed his own files', { skip }, async (t) => {
  const { file } = files(t)
  chownSync(file, NOBODY, 0)
  process.env['SUDO_UID'] = String(NOBODY)
  t.teardown(() => delete process.env['SUDO_UID'])
  await t.resolves(readTrustedFile(file))
})

void t.test('a user’s own process reads what it may', { skip }, async (t) => {
  const { folder, file } = files(t, 'secret\n', 0o666)
  chmodSync(join(folder, '..'), 0o755)
  process.seteuid?.(NOBODY)
  try {
    t.match(await readTrustedFile(file), { text: 'secret\n', readableByAll: true })
  } finally {
    process.seteuid?.(0)
  }
})

void t.test('secrets that everybody may read are told of, and read', async (t) => {
  const warned = async (
    load: (file: string, warn: (line: string) => void) => Promise<unknown>,
    of: Files,
  ) => {
    const lines: string[] = []
    await load(of.file, (line) => lines.push(line))
    return lines
  }
  const open = files(t, 'secret\n', 0o644)
  chmodSync(join(open.folder, '..'), 0o755)
  t.strictSame(await warned(loadPassword, open), [
    `${open.file}: everybody on this host may read the secrets in it: chmod o-rwx ${open.file}`,
  ])
  chmodSync(open.folder, 0o750)
  t.strictSame(await warned(loadPassword, open), [], 'out of reach')
  chmodSync(open.folder, 0o755)
  chmodSync(open.file, 0o640)
  t.strictSame(await warned(loadPassword, open), [], 'root:mptk 0640')
  const service = '{type: socks5, listen: 127.0.0.1:0'
  for (const [rest, count] of [
    ['}', 0],
    [', users: {a: {password: b}}}', 1],
    [', upstream: {type: socks5, address: "a:1", username: a, password: b}}', 1],
    [', upstream: {type: socks5, address: "a:1", username: a, passwordFile: /b}}', 0],
  ] as const) {
    writeFileSync(open.file, `services: [${service}${rest}]\n`)
    chmodSync(open.file, 0o644)
    t.equal((await warned(loadConfig, open)).length, count, rest)
  }
})

void t.test('pipes are read, folders and devices are not', async (t) => {
  const load = new URL('../../../src/config/trusted-file.ts', import.meta.url).pathname
  const script = `import { hidesRoot, readTrustedFile } from ${JSON.stringify(load)}
process.stdout.write((await readTrustedFile('/dev/stdin')).text)`
  const node = [process.execPath, '--import', 'tsx', '--input-type=module', '-e', script]
  const { stdout } = await localRunner.run(['sh', '-c', 'echo by a pipe | "$@"', 'sh', ...node])
  t.equal(stdout, 'by a pipe')
  for (const path of ['/', '/dev/zero']) {
    await t.rejects(readTrustedFile(path), {
      code: 'MPTK_CONFIG_FILE',
      message: `cannot read ${path}: expected a file, found something else`,
    })
  }
  await t.rejects(readTrustedFile('/nonexistent'), { code: 'MPTK_CONFIG_FILE', message: /ENOENT/ })
})

void t.test('in a user namespace the real root may have no number', (t) => {
  t.notOk(hidesRoot('         0          0 4294967295\n'), 'not in one')
  t.notOk(hidesRoot('         0          0          1\n'), 'unshare --map-root-user by root')
  t.ok(hidesRoot('         0       1000          1\n'), 'by somebody else')
  t.ok(
    hidesRoot('         0       1000          1\n         1     100000      65536\n'),
    'a container of his',
  )
  t.end()
})
