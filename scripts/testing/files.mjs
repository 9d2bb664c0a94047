/** Which test files there are, and what each says of itself in its first lines. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Folders of test/ whose files build networks: they need root. */
export const ROOT_ONLY = ['lab', 'interop', 'chaos', 'hostile', 'docs']
/** Of a file, where it says how it runs. */
const HEAD = 300

/**
 * How a file runs beside others, by a comment of its own:
 *   `// measures`        one of these at a time; what measures nothing may run beside it
 *   `// measures alone`  nothing beside it: it measures times, or takes the whole machine
 * @returns {'free' | 'measured' | 'alone'}
 */
export function laneOf(root, file) {
  const head = readFileSync(join(root, file), 'utf8').slice(0, HEAD)
  if (/^\/\/ measures alone$/m.test(head)) return 'alone'
  return /^\/\/ measures$/m.test(head) ? 'measured' : 'free'
}

export function testFiles(root, folder) {
  return readdirSync(join(root, 'test', folder), { recursive: true })
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => join('test', folder, file))
    .sort()
}

/** Folders of test/ that hold tests, the quick ones first: what breaks there explains what breaks later. */
export function testFolders(root) {
  const all = readdirSync(join(root, 'test')).filter((name) => existsSync(join(root, 'test', name, '.')))
  return all
    .filter((folder) => testFiles(root, folder).length > 0)
    .sort((a, b) => Number(b === 'unit') - Number(a === 'unit') || a.localeCompare(b))
}
