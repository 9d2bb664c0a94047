/** Commands on another host over ssh, all of them through one connection. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MptkError } from './errors.js'
import { localRunner, type Runner, type RunOptions, type SpawnOptions } from './exec.js'
import { shellLine, shellWord } from './shell-quote.js'

export interface SshOptions {
  /** `ssh -F`: ports, keys and jump hosts are that file's business. */
  configFile?: string
}

export interface SshConnection {
  readonly runner: Runner
  /** Ends the connection and removes its control socket. */
  close(): Promise<void>
}

/** What ssh itself ends with when there is no connection, or no longer one. */
const NO_CONNECTION = 255

/**
 * Connects with the first command. Never asks for anything: keys must do.
 * @param target `root@name`, or a name of the ssh configuration
 * @throws {MptkError} MPTK_USAGE
 */
export async function openSsh(target: string, options: SshOptions = {}): Promise<SshConnection> {
  if (!/^[^\s-]\S*$/.test(target)) {
    throw new MptkError('MPTK_USAGE', `expected a host as root@name, found '${target}'`)
  }
  const folder = await mkdtemp(join(tmpdir(), 'mptk-ssh-'))
  const ssh = [
    'ssh',
    ...(options.configFile === undefined ? [] : ['-F', options.configFile]),
    '-T',
    '-oBatchMode=yes',
    // a line that was cut is noticed within a quarter of a minute
    '-oConnectTimeout=15',
    '-oServerAliveInterval=5',
    '-oServerAliveCountMax=3',
    // about a hundred commands are run: one connection for all, which outlives us only shortly
    '-oControlMaster=auto',
    `-oControlPath=${join(folder, 'c')}`,
    '-oControlPersist=15',
  ]
  return {
    runner: new SshRunner(ssh, target),
    async close() {
      await localRunner.run([...ssh, '-O', 'exit', target], { reject: false })
      await rm(folder, { recursive: true, force: true })
    },
  }
}

interface Where {
  cwd?: string | undefined
  env?: Record<string, string> | undefined
}

class SshRunner implements Runner {
  readonly #ssh: readonly string[]
  readonly #target: string

  constructor(ssh: readonly string[], target: string) {
    this.#ssh = ssh
    this.#target = target
  }

  async run(argv: readonly string[], { cwd, env, reject, ...options }: RunOptions = {}) {
    // the answer is looked at here: the local command would be named instead of the one that was meant
    const result = await localRunner.run(this.#complete(argv, { cwd, env }), { ...options, reject: false })
    const said = (result.stderr || result.stdout).trim().split(/\s*\n\s*/)
    const end = said.slice(-3).join('; ')
    if (result.exitCode === NO_CONNECTION) {
      throw new MptkError(
        'MPTK_EXEC',
        `${this.#target} cannot be reached over ssh: ${end || 'no reason given'}`,
      )
    }
    if (result.exitCode !== 0 && reject !== false) {
      const why = `exit code ${result.exitCode}${end === '' ? '' : `: ${end}`}`
      throw new MptkError('MPTK_EXEC', `${argv.join(' ')}: ${why} (on ${this.#target})`)
    }
    return result
  }

  spawn(argv: readonly string[], { cwd, env, ...options }: SpawnOptions = {}) {
    return localRunner.spawn(this.#complete(argv, { cwd, env }), options)
  }

  /** The remote login shell splits what it is given: quoted for it, with an environment like the local runner's. */
  #complete(argv: readonly string[], { cwd, env }: Where): readonly string[] {
    if (argv.length === 0) throw new MptkError('MPTK_EXEC', 'an empty command cannot be run')
    const variables = Object.entries({ LC_ALL: 'C', ...env }).map(([name, value]) => `${name}=${value}`)
    const line = shellLine(['env', ...variables, ...argv])
    const path = 'PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"; export PATH'
    const place = cwd === undefined ? '' : `cd ${shellWord(cwd)} && `
    return [...this.#ssh, this.#target, '--', `${path}; ${place}exec ${line}`]
  }
}
