// Compiles the native core for the package: prebuilds/linux-ARCH-glibc/mptk.node, stripped.
//   node scripts/prebuild.mjs                 this machine's kind, and the others there is a cross compiler for
//   node scripts/prebuild.mjs --arch arm64    this one alone; an error where its compiler is missing
// Works in a folder of its own: build/ of the checkout stays as it is.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { addonLoads, compileAddon } from './node-gyp.mjs'

/** By Node's name: GNU's, and e_machine of its ELF files. */
const KINDS = {
  x64: { gnu: 'x86_64-linux-gnu', debian: 'gcc-x86-64-linux-gnu', machine: 62 },
  arm64: { gnu: 'aarch64-linux-gnu', debian: 'gcc-aarch64-linux-gnu', machine: 183 },
}
const root = dirname(dirname(fileURLToPath(import.meta.url)))

function fail(message) {
  console.error(`prebuild: ${message}`)
  process.exit(1)
}

/** The compiler and strip for a kind; undefined where they are not installed. */
function toolsFor(arch) {
  const [compiler, strip] =
    arch === process.arch ? ['cc', 'strip'] : ['gcc', 'strip'].map((tool) => `${KINDS[arch].gnu}-${tool}`)
  const works = [compiler, strip].every(
    (tool) => spawnSync(tool, ['--version'], { stdio: 'ignore' }).status === 0,
  )
  return works ? { compiler, strip } : undefined
}

function prebuild(arch, { compiler, strip }) {
  const folder = mkdtempSync(join(tmpdir(), 'mptk-prebuild-'))
  try {
    for (const each of ['binding.gyp', 'native'])
      cpSync(join(root, each), join(folder, each), { recursive: true })
    // the sources are C: linked by the C compiler, the core needs libc alone
    if (!compileAddon(folder, [`--arch=${arch}`], { CC: compiler, CXX: compiler, LINK: compiler }))
      process.exit(1)
    const made = join(folder, 'build', 'Release', 'mptk.node')
    if (spawnSync(strip, ['--strip-unneeded', made], { stdio: 'inherit' }).status !== 0)
      fail(`${strip} failed`)
    const machine = readFileSync(made).readUInt16LE(18)
    if (machine !== KINDS[arch].machine)
      fail(`expected a binary for ${arch}, found one of ELF machine ${machine}`)
    if (arch === process.arch && !addonLoads(made)) fail(`what was built for ${arch} does not load here`)
    const place = join(root, 'prebuilds', `linux-${arch}-glibc`)
    mkdirSync(place, { recursive: true })
    cpSync(made, join(place, 'mptk.node.new'))
    renameSync(join(place, 'mptk.node.new'), join(place, 'mptk.node'))
    console.log(`prebuild: prebuilds/linux-${arch}-glibc/mptk.node`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const { arch: asked } = parseArgs({ options: { arch: { type: 'string' } } }).values
if (process.report.getReport().header.glibcVersionRuntime === undefined) fail('expected a machine with glibc')
if (asked !== undefined && !(asked in KINDS)) {
  fail(`--arch: expected ${Object.keys(KINDS).join(' or ')}, found ${JSON.stringify(asked)}`)
}
// none of an older source may stay
if (asked === undefined) rmSync(join(root, 'prebuilds'), { recursive: true, force: true })
for (const arch of asked === undefined ? Object.keys(KINDS) : [asked]) {
  const tools = toolsFor(arch)
  if (tools !== undefined) prebuild(arch, tools)
  else if (arch === (asked ?? process.arch)) fail(`no compiler for ${arch} (Debian: ${KINDS[arch].debian})`)
  else console.log(`prebuild: none for ${arch}: no compiler for it (Debian: ${KINDS[arch].debian})`)
}
