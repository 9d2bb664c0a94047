/** What a run was measured on: stands on its report. */
import { cpus, release, totalmem } from 'node:os'
import { localRunner } from '../../src/exec.js'
import type { Machine } from './result.js'

/** Programs that measure or are measured, and how each tells its version. */
const PROGRAMS: Readonly<Record<string, readonly string[]>> = {
  mininet: ['mn', '--version'],
  iproute2: ['ip', '-V'],
  nginx: ['nginx', '-v'],
  curl: ['curl', '--version'],
  ping: ['ping', '-V'],
}

/** @param emulators what the links of the run's labs were built with */
export async function describeMachine(mptk: string, emulators: ReadonlySet<string>): Promise<Machine> {
  const processors = cpus()
  return {
    cpu: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    mptk,
    versions: Object.fromEntries(
      await Promise.all(
        Object.entries(PROGRAMS).map(async ([name, argv]) => [name, await versionOf(argv)] as const),
      ),
    ),
    links: emulators.size === 0 ? 'none was built' : [...emulators].sort().join(', '),
  }
}

async function versionOf(argv: readonly string[]): Promise<string> {
  try {
    const { stdout, stderr } = await localRunner.run(argv, { reject: false })
    const [line = ''] = `${stdout}\n${stderr}`.trim().split('\n')
    return /\d[\d.]*\d/.exec(line)?.[0] ?? (line === '' ? 'unknown' : line)
  } catch {
    return 'not installed'
  }
}
