/** Programs that cannot ask for TCP Fast Open. */
import t from 'tap'
import { addon, runScript } from './child.js'

const become = (...argv: string[]): string =>
  `${addon}\nnative.execWithoutFastOpen(${JSON.stringify(argv)})\n`

void t.test('the program asks in vain, and gets its words and its standard streams', async (t) => {
  const program = `${addon}
const fd = native.socket({ family: 4, protocol: 'tcp' })
const [SOL_TCP, NODELAY, FASTOPEN, SOL_SOCKET] = [6, 1, 23, 1]
for (const [level, name] of [[SOL_TCP, NODELAY], [SOL_TCP, FASTOPEN], [SOL_SOCKET, FASTOPEN]]) {
  try {
    native.setOption(fd, level, name, 5)
    console.log(level, name, 'done')
  } catch ({ code }) {
    console.log(level, name, code)
  }
}
console.log(process.argv.slice(1).join(' '))
`
  const words = [process.execPath, '--input-type=module', '-e', program, '--', '053', '--x']
  const { code, output, errors } = await runScript(become(...words))
  t.equal(errors, '')
  t.equal(code, 0)
  // level 1, option 23 is SO_SECURITY_ENCRYPTION_TRANSPORT, which nothing implements
  t.strictSame(output.split('\n'), ['6 1 done', '6 23 ENOPROTOOPT', '1 23 ENOPROTOOPT', '053 --x', ''])
})

void t.test('a pipe without a reader ends it, as it ends others', async (t) => {
  const { code, output, errors } = await runScript(
    become('/bin/sh', '-c', '(while echo x; do :; done; echo still there >&2) | true; echo ended'),
  )
  t.equal(code, 0)
  t.equal(output, 'ended\n')
  t.equal(errors, '')
})

void t.test('no program, no list', async (t) => {
  const missing = await runScript(become('/nonexistent/program'))
  t.match(missing.errors, /execve \/nonexistent\/program: no such file or directory/)
  for (const list of ['', '[]', '[7]', '"/bin/true"']) {
    const { errors } = await runScript(`${addon}\nnative.execWithoutFastOpen(${list})\n`)
    t.match(errors, /TypeError.*argv/s, `(${list})`)
  }
})
