/** The package as npm pack makes it from the checkout, and an installation of it with nothing to compile with. */
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { localRunner } from '../../src/exec.js'
import { scratchFolder } from './scratch.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** npm writes some ten thousand files, on a machine that does other things too. Milliseconds. */
export const PATIENCE = 300_000
const NOBODY = 65534
const COMPILERS = ['cc', 'gcc', 'g++', 'c++', 'clang', 'make', 'python3', 'python']

/** Over the checkout: what npm pack builds anew stays in here, and nobody else sees dist/ go and come. */
const PACK = `
mount --make-rprivate /
mkdir -p "$2"
mount -t tmpfs tmpfs "$2"
mkdir "$2/upper" "$2/work" "$2/checkout"
mount -t overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" overlay "$2/checkout"
cd "$2/checkout"
HOME=$2 npm pack --pack-destination "$3"
`

/** @returns the path of the tarball, which everybody may read */
export async function pack(t: Test): Promise<string> {
  const folder = scratchFolder(t)
  chmodSync(folder, 0o755)
  const words = ['sh', '-ec', PACK, 'sh', ROOT, join(folder, 'work'), folder]
  await localRunner.run(['unshare', '--mount', ...words], { timeout: PATIENCE, env: { NODE_OPTIONS: '' } })
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? 'none'
  chmodSync(join(folder, tarball), 0o644)
  return join(folder, tarball)
}

export interface Installation {
  /** Where it is. */
  folder: string
  /** What npm printed. */
  output: string
  /** Which compilers were called, and how. */
  compilers: () => string[]
  /** Words to put before a command that the user who installed it shall run. */
  prefix: string[]
}

/** Installs it in an empty folder, as a user who may do nothing else, with compilers that fail. */
export async function installAsNobody(
  t: Test,
  prefix: readonly string[],
  tarball: string,
): Promise<Installation> {
  const scratch = scratchFolder(t)
  chmodSync(scratch, 0o755)
  const [folder, tools, calls] = ['home', 'tools', 'calls'].map((name) => join(scratch, name)) as [
    string,
    string,
    string,
  ]
  mkdirSync(folder)
  chownSync(folder, NOBODY, NOBODY)
  mkdirSync(tools)
  writeFileSync(calls, '')
  chmodSync(calls, 0o666)
  for (const name of COMPILERS) {
    writeFileSync(join(tools, name), `#!/bin/sh\necho "${name} $*" >>${calls}\nexit 1\n`, { mode: 0o755 })
  }
  const ids = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups']
  const path = `PATH=${tools}:${dirname(process.execPath)}:/usr/bin:/bin`
  const asNobody = [...prefix, 'setpriv', ...ids, 'env', '-i', path, `HOME=${folder}`, 'LC_ALL=C']
  const { stdout, stderr } = await localRunner.run(
    [...asNobody, 'npm', 'install', '--foreground-scripts', tarball],
    { cwd: folder, timeout: PATIENCE },
  )
  return {
    folder: join(folder, 'node_modules', 'mptcp-toolkit'),
    output: `${stdout}\n${stderr}`,
    compilers: () => readFileSync(calls, 'utf8').split('\n').filter(Boolean),
    prefix: asNobody,
  }
}

/** Paths of the installed package's own files, without those of what it depends on. */
export function ownFiles(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    (path) => !path.startsWith('node_modules'),
  )
}
