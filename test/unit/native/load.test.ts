/** Where the native core is looked for, and what is said when there is none: to who installed the package, too. */
import { copyFileSync, cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { scratchFolder } from '../../support/scratch.js'
import { runTool } from '../../support/tools.js'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const PREBUILT = join('prebuilds', `linux-${process.arch}-glibc`, 'mptk.node')
const COMPILED = join('build', 'Release', 'mptk.node')
const ASK =
  'import(process.argv[1]).then(() => console.log("loaded"), ({ code, message }) => console.log(code, message))'

void t.test('the compiled one, else the prebuilt one, else one clear error', async (t) => {
  const folder = scratchFolder(t)
  mkdirSync(join(folder, 'dist', 'src'), { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  for (const file of ['native.js', 'errors.js']) {
    cpSync(join(ROOT, 'dist', 'src', file), join(folder, 'dist', 'src', file))
  }
  const put = (path: string, write: (file: string) => void): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    write(join(folder, path))
  }
  const asked = async (): Promise<string> => {
    const { stdout } = await runTool(process.execPath, ['-e', ASK, join(folder, 'dist', 'src', 'native.js')])
    return stdout.toString().trim()
  }

  t.match(
    await asked(),
    /^MPTK_NATIVE there is no native core for linux-\w+-glibc: run npm ci in a checkout, or npm rebuild mptcp-toolkit/,
  )
  put(PREBUILT, (file) => copyFileSync(join(ROOT, COMPILED), file))
  t.equal(await asked(), 'loaded', 'the prebuilt one')
  put(COMPILED, (file) => writeFileSync(file, 'of another machine'))
  t.match(
    await asked(),
    /^MPTK_NATIVE the native core \S+\/build\/Release\/mptk\.node does not load under Node v.*: run npm ci/,
    'the one compiled here comes first',
  )
})
