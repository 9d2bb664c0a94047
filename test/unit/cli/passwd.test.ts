// mptk passwd: what it prints is what the users file takes, what it writes leaves the rest, what is typed is not shown.
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import t, { type Test } from 'tap'
import { parse } from 'yaml'
import { MPTK_ENV, mptkCommand } from '../../../mininet/mptk-process.js'
import { matchesHash } from '../../../proxy/users/password-hash.js'
import { loadUsers } from '../../../src/config/load.js'
import { run } from '../../support/process.js'

async function isUser(t: Test, file: string, name: string, password: string): Promise<void> {
  const entry = (await loadUsers(file))[name]
  t.ok(await matchesHash(password, entry?.passwordHash ?? ''), `${name} has the password`)
}

void t.test('the line that a users file takes', async (t) => {
  const file = join(t.testdir(), 'users.yaml')
  for (const [name, input] of [
    ['alice', 'pässword\n'],
    ['null', 'pässword'],
    ['a: b#c', 'pässword\r\nnext line\n'],
  ] as const) {
    const { code, stdout, stderr } = await run(t, ['passwd', name], { input })
    t.match({ code, stderr, stdout }, { code: 0, stderr: '', stdout: /^.*: \{ passwordHash: \S+ \}\n$/ })
    writeFileSync(file, stdout)
    await isUser(t, file, name, 'pässword')
  }
  for (const input of ['', '\n', 'x'.repeat(256)]) {
    t.match(await run(t, ['passwd', 'alice'], { input }), {
      code: 2,
      stdout: '',
      stderr: 'mptk: expected a password of 1 to 255 bytes on standard input\n',
    })
  }
})

void t.test('--file keeps what else is there', async (t) => {
  const folder = t.testdir({
    'users.yaml': '# who may use it\nalice: { password: old } # since May\nbob: { password: x }\n',
    'comment.yaml': '# nobody yet\n',
    'wrong.yaml': 'alice: { pasword: x }\n',
  })
  const file = join(folder, 'users.yaml')
  chmodSync(file, 0o640)
  const set = (name: string, where = file) => run(t, ['passwd', name, '--file', where], { input: 'secret\n' })
  t.match(await set('alice'), { code: 0, stdout: `${file}: alice has a new password\n` })
  t.match(await set('carol'), { code: 0, stdout: `${file}: carol added\n` })
  const text = readFileSync(file, 'utf8')
  t.match(
    text,
    /^# who may use it\nalice: \{ passwordHash: .* \}.*\nbob: \{ password: x \}\ncarol: \{ passwordHash: .* \}\n$/,
  )
  t.equal(statSync(file).mode & 0o777, 0o640)
  await isUser(t, file, 'alice', 'secret')
  await isUser(t, file, 'carol', 'secret')

  const fresh = join(folder, 'fresh.yaml')
  t.match(await set('dave', fresh), { code: 0 })
  t.equal(statSync(fresh).mode & 0o777, 0o600, 'nobody else reads a new one')
  t.match(readFileSync(fresh, 'utf8'), /^dave: \{ passwordHash: .* \}\n$/)
  const comment = join(folder, 'comment.yaml')
  t.match(await set('dave', comment), { code: 0 })
  t.match(readFileSync(comment, 'utf8'), /^# nobody yet\n+dave: \{/)

  const wrong = join(folder, 'wrong.yaml')
  t.match(await set('dave', wrong), { code: 2, stderr: /wrong\.yaml:1: users\.alice: found the unknown key/ })
  t.equal(readFileSync(wrong, 'utf8'), 'alice: { pasword: x }\n')
  t.match(await set('dave', join(folder, 'none', 'users.yaml')), { code: 2, stderr: /cannot write .*ENOENT/ })
  t.strictSame(
    readdirSync(folder).sort(),
    ['comment.yaml', 'fresh.yaml', 'users.yaml', 'wrong.yaml'],
    'nothing is left beside them',
  )
})

void t.test('on a terminal nothing is shown, and it is asked twice', async (t) => {
  // script(1) gives it a terminal, and prints what that shows
  const typed = async (...lines: string[]) => {
    const command = mptkCommand('passwd', 'alice')
      .map((word) => `'${word}'`)
      .join(' ')
    const child = execa('script', ['-qec', command, '/dev/null'], {
      env: MPTK_ENV,
      reject: false,
      stdin: 'pipe',
    })
    const prompts = ['password: ', 'again: ']
    let shown = ''
    child.stdout.on('data', (chunk: Buffer) => {
      shown += chunk.toString()
      if (prompts[0] === undefined || !shown.includes(prompts[0])) return
      prompts.shift()
      child.stdin.write(lines.shift() ?? '')
    })
    return { code: (await child).exitCode, shown }
  }
  const good = await typed('wonder\x7fland\r', 'wonderland\r')
  const again = await typed('wonderland\r', 'wonderlamp\r')
  t.notMatch(good.shown + again.shown, /wonder/)
  t.notMatch(good.shown + again.shown, /lam|lan/)
  t.match(again, { code: 2, shown: /expected the same password twice, found two/ })
  t.match(good, { code: 2 }, 'wondeland is not wonderland')
  const right = await typed('wonderx\x7fland\r', 'wonderland\r')
  t.equal(right.code, 0)
  const [line = ''] = /alice: \{.*\}/.exec(right.shown) ?? []
  const { alice } = parse(line) as { alice: { passwordHash: string } }
  t.ok(await matchesHash('wonderland', alice.passwordHash))
})
