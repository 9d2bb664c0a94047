// What npm pack does first: everything the package has that is not in git, built afresh, without source
// maps, since the sources do not come along. npm itself adds the dependencies (bundleDependencies), at the versions
// of package-lock.json: whoever knows the tarball's hash knows all that is installed.
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

function step(command, ...args) {
  const { status } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] })
  if (status !== 0) process.exit(status ?? 1)
}

rmSync(join(root, 'dist'), { recursive: true, force: true })
step('npm', 'run', '--silent', 'build', '--', '--sourceMap', 'false')
step(process.execPath, join('scripts', 'prebuild.mjs'))
