/** A state folder that others may write in holds no script that root runs. */
import { chmodSync, chownSync, lchownSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openPlace } from '../../../provisioning/engine-place.js'
import { prepareFolder } from '../../../provisioning/state-folder.js'
import { localRunner } from '../../../src/exec.js'
import { scratchFolder } from '../../support/scratch.js'

const NOBODY = 65_534
const skip = process.geteuid?.() === 0 ? false : 'needs root'

void t.test('a state folder, its scripts and the folders above it', { skip }, async (t) => {
  const above = join(scratchFolder(t), 'lib')
  const state = join(above, 'mptk')
  const open = () => openPlace(localRunner, { state })
  const place = await open()
  mkdirSync(state, { recursive: true })
  const undo = join(state, 'undo.sh')
  writeFileSync(undo, 'touch /tmp/owned\n')
  await t.resolves(open())

  const refused = async (change: () => void, back: () => void, found: RegExp): Promise<void> => {
    change()
    for (const attempt of [open, () => prepareFolder(place)]) {
      await t.rejects<unknown>(attempt(), { code: 'MPTK_UNTRUSTED_FILE', message: found })
    }
    back()
    await t.resolves(open())
    await t.resolves(prepareFolder(place))
  }
  for (const path of [above, state, undo]) {
    await refused(
      () => chownSync(path, NOBODY, 0),
      () => chownSync(path, 0, 0),
      new RegExp(`: root runs what is in the state folder: .* ${path} belongs to user 65534: chown root`),
    )
    await refused(
      () => chmodSync(path, 0o777),
      () => chmodSync(path, 0o755),
      new RegExp(` ${path} has mode 777: chmod go-w`),
    )
  }
  rmSync(undo)
  await refused(
    () => {
      symlinkSync('/nonexistent', undo)
      lchownSync(undo, NOBODY, NOBODY)
    },
    () => rmSync(undo),
    /undo\.sh belongs to user 65534/,
  )

  mkdirSync(join(state, 'service'))
  chownSync(join(state, 'service'), NOBODY, NOBODY)
  await t.resolves(open(), 'what a service writes for itself is not what root runs')
})

void t.test('behind a link', { skip }, async (t) => {
  const folder = scratchFolder(t)
  const [real, link] = [join(folder, 'real'), join(folder, 'link')]
  mkdirSync(real)
  symlinkSync(real, link)
  await t.resolves(openPlace(localRunner, { state: link }))
  chownSync(real, NOBODY, 0)
  await t.rejects(openPlace(localRunner, { state: link }), { code: 'MPTK_UNTRUSTED_FILE' })
})
