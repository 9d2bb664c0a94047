/** A file, whole. What stood there before comes back with its content, mode, owner and time. */
import { posix } from 'node:path'
import { shellLine, shellWord } from '../../src/shell-quote.js'
import type { Command, FileResource } from '../resource.js'
import { script } from './commands.js'
import type { Driver, Json } from './driver.js'

export interface FileFound extends Record<string, Json> {
  /** `0644` */
  mode: string
  /** `0:0` */
  owner: string
  /** Seconds since 1970. */
  modified: number
  /** Base64: it need not be text. */
  content: string
}
export interface FileState extends Record<string, Json> {
  /** null: none. */
  file: FileFound | null
  /** What has the name though it is no plain file: `a symbolic link to X`, `a directory`. */
  obstacle: string | null
  /** Folders on the way that do not exist, the outermost first. */
  missing: string[]
}

/** The file, then its folders from the outermost. */
const READ = `
set -e
if [ -L "$1" ]; then printf 'obstacle a symbolic link to %s\\n' "$(readlink -- "$1")"
elif [ -d "$1" ]; then echo 'obstacle a directory'
elif [ -f "$1" ]; then
  stat -c 'file %a %u:%g %Y' -- "$1"
  base64 <"$1" | tr -d '\\n'
  echo
elif [ -e "$1" ]; then echo 'obstacle a special file'
fi
shift
for folder do [ -d "$folder" ] || printf 'missing %s\\n' "$folder"; done
`.trim()

/** Beside it first, then in its place at once: nobody ever reads half a file. */
const WRITE = `
umask 077
cat >"$1.mptk-new" && chmod "$2" "$1.mptk-new" && mv -f "$1.mptk-new" "$1"
`

const WRITE_BACK = `
umask 077
base64 -d >"$1.mptk-new" && chown "$3" "$1.mptk-new" && chmod "$2" "$1.mptk-new" &&
  touch -d "@$4" "$1.mptk-new" && mv -f "$1.mptk-new" "$1"
`

const MAKE_FOLDERS = 'umask 022; mkdir -p "$1"'
const REMOVE_FOLDERS = 'for folder do rmdir "$folder" 2>/dev/null || true; done'

/** Folders of a path, the outermost first. */
export function foldersOf(path: string): string[] {
  const folder = posix.dirname(path)
  return folder === '/' || folder === '.' ? [] : [...foldersOf(folder), folder]
}

export function parseFile(text: string): FileState {
  const state: FileState = { file: null, obstacle: null, missing: [] }
  const lines = text.split('\n')
  for (const [index, line] of lines.entries()) {
    const [, word, rest = ''] = /^(file|obstacle|missing) (.*)$/.exec(line) ?? []
    if (word === 'obstacle') state.obstacle = rest
    else if (word === 'missing') state.missing.push(rest)
    else if (word === 'file') {
      const [mode = '', owner = '', modified = ''] = rest.split(' ')
      const content = lines[index + 1] ?? ''
      state.file = { mode: mode.padStart(4, '0'), owner, modified: Number(modified), content }
    }
  }
  return state
}

/** Commands that put a file in its place, its folders included. */
export function writeFile(
  path: string,
  mode: string,
  content: string,
  missing: readonly string[],
): Command[] {
  const folder = posix.dirname(path)
  return [
    ...(missing.length === 0
      ? []
      : [{ ...script(MAKE_FOLDERS, [folder]), typed: shellLine(['mkdir', '-p', folder]) }]),
    {
      ...script(WRITE, [path, mode], content),
      typed: shellLine(['install', '-m', mode, '/dev/stdin', path]),
    },
  ]
}

/** Commands back to what {@link readFile} found. */
export function restoreFile(path: string, state: FileState | null, secret: boolean): Command[] {
  // a link or a directory was never touched
  if (state !== null && state.obstacle !== null) return []
  if (state !== null && state.file !== null) {
    const { mode, owner, modified, content } = state.file
    const back = {
      ...script(WRITE_BACK, [path, mode, owner, `${modified}`], content),
      typed: `base64 -d >${shellWord(path)}`,
    }
    // nor must the earlier content be shown when not everybody may read it
    return [{ ...back, ...(secret || (Number.parseInt(mode, 8) & 0o004) === 0 ? { secret: true } : {}) }]
  }
  const missing = [...(state?.missing ?? [])].reverse()
  return [
    { argv: ['rm', '-f', '--', path, `${path}.mptk-new`] },
    ...(missing.length === 0
      ? []
      : [{ ...script(REMOVE_FOLDERS, missing), typed: shellLine(['rmdir', ...missing]) }]),
  ]
}

/** A command that reads what {@link parseFile} understands. */
export function readFile(path: string): readonly string[] {
  return ['sh', '-c', READ, 'sh', path, ...foldersOf(path)]
}

function say(mode: string, content: Buffer): string {
  return `${mode}, ${content.length} bytes`
}

export const fileDriver: Driver<FileResource, FileState> = {
  kind: 'file',
  async probe({ runner }, { path }) {
    return parseFile((await runner.run(readFile(path))).stdout)
  },
  satisfied(state, { mode, content }) {
    const file = state?.file ?? null
    return (
      file !== null && file.mode === mode && Buffer.from(file.content, 'base64').equals(Buffer.from(content))
    )
  },
  conflict: (state, { path }) =>
    state === null || state.obstacle === null ? undefined : `${path} is ${state.obstacle}`,
  apply(state, resource) {
    if (this.satisfied(state, resource)) return []
    const { path, mode, content, secret = false } = resource
    const commands = writeFile(path, mode, content, state?.missing ?? foldersOf(path))
    return secret ? commands.map((each) => (each.input === undefined ? each : { ...each, secret })) : commands
  },
  restore: (state, { path, secret = false }) => restoreFile(path, state, secret),
  describe: (state, { mode, content }) => {
    const file = state?.file ?? null
    return {
      from:
        file === null ? (state?.obstacle ?? 'absent') : say(file.mode, Buffer.from(file.content, 'base64')),
      to: say(mode, Buffer.from(content)),
    }
  },
}
