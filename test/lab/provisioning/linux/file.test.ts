/** Files and their folders: content, mode and owner are back, to the byte. */
import {
  chown,
  chmod,
  mkdir,
  mkdtemp,
  readFile,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { fileDriver } from '../../../../provisioning/linux/file.js'
import type { FileResource } from '../../../../provisioning/resource.js'
import { inOwnNetwork } from '../../../support/own-network.js'
import { perform, placeOf, probe, roundTrip } from '../../../support/round-trip.js'

const place = placeOf('/nowhere')
const file = (path: string, content: string, mode = '0644'): FileResource => ({
  kind: 'file',
  path,
  mode,
  content,
  why: 'test',
})

if (inOwnNetwork(t, import.meta.url)) {
  const folder = await mkdtemp(join(tmpdir(), 'drivers-file-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))

  void t.test('a new file in new folders, whatever the name', async (t) => {
    await roundTrip(
      t,
      fileDriver,
      file(`${folder}/a/b c/$(touch x)'"/mptk.yaml`, 'grüße\n', '0600'),
      place,
      folder,
    )
    await roundTrip(t, fileDriver, file(`${folder}/-n`, ''), place, folder)
    process.umask(0o077)
    const resource = file(`${folder}/new/file`, 'x')
    const state = await probe(fileDriver, resource, place)
    await perform(fileDriver.apply(state, resource, place))
    t.equal((await stat(`${folder}/new`)).mode & 0o777, 0o755, 'others may enter, whatever the umask')
    t.equal((await stat(`${folder}/new/file`)).mode & 0o777, 0o644)
    await writeFile(`${folder}/new/theirs`, 'y')
    await perform(fileDriver.restore(state, resource, place))
    t.equal(await readFile(`${folder}/new/theirs`, 'utf8'), 'y', 'a folder that others use by now stays')
  })

  void t.test('one that replaces another, which is no text', async (t) => {
    const path = `${folder}/binary`
    const bytes = Uint8Array.from({ length: 70_000 }, (_, index) => (index * 7) & 0xff)
    await writeFile(path, bytes)
    await chown(path, 12, 34)
    await chmod(path, 0o4710)
    await utimes(path, 1_600_000_000, 1_600_000_000)
    await roundTrip(t, fileDriver, file(path, 'text\n', '0640'), place, folder)
    t.ok((await readFile(path)).equals(bytes))
    t.equal((await stat(path)).mtimeMs, 1_600_000_000_000)
    const back = fileDriver.restore(await probe(fileDriver, file(path, ''), place), file(path, ''), place)
    t.ok(
      back.every(({ secret }) => secret),
      'what not everybody may read is not shown',
    )
  })

  void t.test('links, folders and devices are not written through', async (t) => {
    await symlink('/etc/hosts', `${folder}/link`)
    await mkdir(`${folder}/dir`)
    for (const [path, what] of [
      [`${folder}/link`, /is a symbolic link to \/etc\/hosts/],
      [`${folder}/dir`, /is a directory/],
      ['/dev/null', /is a special file/],
    ] as const) {
      const resource = file(path, 'x')
      const state = await probe(fileDriver, resource, place)
      t.match(fileDriver.conflict?.(state, resource), what)
      t.strictSame(fileDriver.restore(state, resource, place), [])
    }
  })
}
