/** A file of examples/ in a host of the lab, put where its head says that it belongs, with the secrets it names. */
import { readFile } from 'node:fs/promises'
import type { RunResult } from '../src/exec.js'
import { labFile } from './lab-control.js'
import type { LabHost } from './lab-host.js'
import { MPTK_ENV, mptkCommand } from './mptk-process.js'

export const EXAMPLE_CONFIG = '/etc/mptk/mptk.yaml'
/** What the examples' client and router send to the proxy. */
export const EXAMPLE_USER = { username: 'alice', password: 'wonderland' } as const

/** The folders of the host must be its own: `privateFolders` of the topology. @throws {MptkError} MPTK_EXEC */
export async function installExample(host: LabHost, name: string): Promise<void> {
  await putFile(host, EXAMPLE_CONFIG, await readFile(labFile('..', 'examples', `${name}.yaml`), 'utf8'))
  if (name === 'proxy') {
    const input = `${EXAMPLE_USER.password}\n`
    const command = mptkCommand('passwd', EXAMPLE_USER.username, '--file', '/etc/mptk/users.yaml')
    await host.run(command, { env: MPTK_ENV, input })
  } else {
    await putFile(host, '/etc/mptk/upstream.password', `${EXAMPLE_USER.password}\n`)
  }
}

/** Only root reads it. */
export async function putFile(host: LabHost, path: string, input: string): Promise<void> {
  await host.run(['sh', '-c', 'umask 077; mkdir -p "${1%/*}" && cat >"$1"', 'sh', path], { input })
}

/** Runs `mptk` on a host to its end. @throws with what it printed when it fails */
export function runMptk(host: LabHost, ...args: string[]): Promise<RunResult> {
  return host.run(mptkCommand(...args), { env: MPTK_ENV, timeout: 60_000 })
}
