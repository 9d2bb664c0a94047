/** Reading files where a runner runs: all of them by one command, since over ssh every command is a round trip. */
import type { Runner } from '../../src/exec.js'

// no file of /proc/sys begins a line with this
const MARK = '@@@ '
const SCRIPT = `for file; do if [ -r "$file" ]; then echo "${MARK}$file"; cat -- "$file" 2>/dev/null; echo; fi; done`

/** Those that exist and may be read; text without blanks at its ends. @throws {MptkError} MPTK_EXEC */
export async function readFiles(runner: Runner, files: readonly string[]): Promise<Map<string, string>> {
  const { stdout } = await runner.run(['sh', '-c', SCRIPT, 'sh', ...files])
  const found = new Map<string, string>()
  for (const part of `\n${stdout}`.split(`\n${MARK}`).slice(1)) {
    const end = part.indexOf('\n')
    const name = end < 0 ? part : part.slice(0, end)
    found.set(name, end < 0 ? '' : part.slice(end).trim())
  }
  return found
}

/**
 * Where a sysctl is; a module's parameter is named `module/MODULE/PARAMETER`. As with sysctl(8), a
 * dot inside a part (`eth0.7`) is written as a slash.
 */
export function sysctlFile(name: string): string {
  const [kind, module = '', parameter = ''] = name.split('/')
  if (kind === 'module') return `/sys/module/${module}/parameters/${parameter}`
  return `/proc/sys/${name.replaceAll(/[./]/g, (each) => (each === '.' ? '/' : '.'))}`
}
