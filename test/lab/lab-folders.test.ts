/** Private folders: a host of the lab sees the machine's files, and what it writes stays with it. */
import { existsSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import t from 'tap'
import { Lab } from '../../mininet/lab.js'

const NAME = `mptk-test-${process.pid}`
const end = (node: string, address: string) => ({ node, interface: 'eth0', addresses: [address] })
const links = [{ name: 'wire', a: end('left', '10.0.0.1/24'), b: end('right', '10.0.0.2/24') }]

void t.test('what a host writes there, it keeps', async (t) => {
  const privateFolders = ['/etc', '/run', '/var/lib']
  const hosts = [
    { name: 'left', privateFolders },
    { name: 'right', privateFolders },
  ]
  const lab = await Lab.start({ name: 'folders', hosts, links })
  t.teardown(() => lab.stop())
  const [left, right] = [lab.host('left'), lab.host('right')]
  const before = await readFile('/etc/hosts', 'utf8')

  await left.run(['sh', '-c', `echo 10.9.9.9 changed >> /etc/hosts`])
  t.match((await left.run(['cat', '/etc/hosts'])).stdout, /10\.9\.9\.9 changed$/, 'a changed file')
  t.equal(await readFile('/etc/hosts', 'utf8'), before, 'the machine has its own')
  t.equal((await right.run(['cat', '/etc/hosts'])).stdout, before.trimEnd(), 'the other host too')

  await left.run(['rm', '/etc/hostname'])
  t.not((await left.run(['ls', '/etc/hostname'], { reject: false })).exitCode, 0, 'a removed file')
  t.ok(existsSync('/etc/hostname'))

  for (const folder of privateFolders) {
    const made = `${folder}/${NAME}`
    await left.run(['sh', '-c', `mkdir ${made} && echo mine > ${made}/file`])
    t.equal((await left.run(['cat', `${made}/file`])).stdout, 'mine', made)
    t.not((await right.run(['ls', made], { reject: false })).exitCode, 0, `${made} is not at the other host`)
    t.notOk(existsSync(made), `${made} is not on the machine`)
    const { mode, uid, gid } = await stat(folder)
    const shown = (await left.run(['stat', '-c', '%f %u %g', folder])).stdout
    t.equal(shown, `${mode.toString(16)} ${uid} ${gid}`, `${folder}: mode and owner as the machine's`)
  }
  const { stdout } = await left.run(['findmnt', '-rn', '-o', 'TARGET'])
  t.notOk(stdout.split('\n').includes('/mnt'), 'nothing is left of the scaffold')
})

void t.test('a folder that is not there is named', async (t) => {
  const hosts = [{ name: 'left', privateFolders: ['/no/such'] }, { name: 'right' }]
  await t.rejects(Lab.start({ name: 'bad', hosts, links }), {
    code: 'MPTK_LAB',
    message: 'left: privateFolders: the machine has no folder /no/such',
  })
})
