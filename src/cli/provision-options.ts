/** What the commands that provision a host have in common: where it is, and how to get there. */
import { resolve } from 'node:path'
import { describe } from '../../provisioning/describe.js'
import { checkSites } from '../../provisioning/dns-check.js'
import { defaultState, openPlace, type EnginePlace } from '../../provisioning/engine-place.js'
import { readFacts } from '../../provisioning/probe.js'
import { problemLine } from '../../provisioning/problem.js'
import type { Description, FileResource } from '../../provisioning/resource.js'
import { loadConfigText } from '../config/load.js'
import { checkTrustedFile } from '../config/trusted-file.js'
import { fileMistakes } from '../config/named-files.js'
import type { Config } from '../config/schema.js'
import { MptkError } from '../errors.js'
import { trialsOf, type UpstreamTrial } from './try-upstreams.js'
import { localRunner, type Runner } from '../exec.js'
import { netnsRunner } from '../exec-netns.js'
import { openSsh, type SshConnection } from '../exec-ssh.js'

const text = { type: 'string', requiresArg: true } as const

export const placeOptions = {
  host: { ...text, describe: 'the host to work on, over ssh, as root@name (this one unless given)' },
  'ssh-config': { ...text, implies: 'host', describe: 'configuration file for ssh: ports, keys, jump hosts' },
  netns: { ...text, describe: 'the named network namespace to work in (ip netns)' },
  state: { ...text, describe: 'folder for the journal on that host (/var/lib/mptk)' },
  json: { type: 'boolean', default: false, describe: 'print the result as JSON' },
} as const

export const configOption = {
  config: {
    ...text,
    alias: 'c',
    demandOption: true,
    describe: 'the configuration with what the host shall be',
  },
} as const

export const dryRunOption = {
  'dry-run': { type: 'boolean', default: false, describe: 'say what would be done, and do nothing' },
} as const

export interface PlaceArguments {
  host: string | undefined
  'ssh-config': string | undefined
  netns: string | undefined
  state: string | undefined
  json: boolean
}

/** Where a configuration is put on a host that is not this one. */
const REMOTE_CONFIG = '/etc/mptk/mptk.yaml'

/** Runs `work` there; what it took to get there is closed again. @throws {MptkError} MPTK_USAGE, MPTK_EXEC */
export async function inPlace<T>(
  { host, 'ssh-config': configFile, netns, state }: PlaceArguments,
  work: (place: EnginePlace) => Promise<T>,
  { readOnly = false }: { readOnly?: boolean } = {},
): Promise<T> {
  let ssh: SshConnection | undefined
  try {
    let runner: Runner = localRunner
    if (host !== undefined) {
      // ssh itself looks only at the one in the user's home, and it may name commands to run
      if (configFile !== undefined) await checkTrustedFile(configFile)
      ssh = await openSsh(host, configFile === undefined ? {} : { configFile })
      runner = ssh.runner
    }
    if (netns !== undefined) runner = netnsRunner(runner, netns)
    const folder = state === undefined ? defaultState(netns) : host === undefined ? resolve(state) : state
    const options = { state: folder, readOnly, ...(netns === undefined ? {} : { netns }) }
    return await work(await openPlace(runner, options))
  } finally {
    await ssh?.close()
  }
}

/** A configuration, and what it comes to on a host: facts are read when it is asked for. */
export interface Wish {
  config: Config
  /** Absolute on the host it is for. */
  configFile: string
  describe: (place: EnginePlace) => Promise<Description>
  /** Asks each upstream from there, once it has been described and its files are in place. */
  tryUpstreams: (place: EnginePlace, signal: AbortSignal) => Promise<UpstreamTrial[]>
}

/** @throws {MptkError} MPTK_CONFIG, MPTK_CONFIG_FILE, MPTK_UNTRUSTED_FILE, MPTK_OPEN_PROXY */
export async function loadWish(file: string, host: string | undefined): Promise<Wish> {
  const warnings: string[] = []
  const { config, text: content } = await loadConfigText(file, (line) => warnings.push(line))
  const configFile = host === undefined ? resolve(file) : REMOTE_CONFIG
  let command: readonly string[] = []
  const files = host === undefined ? [] : [configurationFile(content)]
  return {
    config,
    configFile,
    async describe(place) {
      const facts = await readFacts(place, config)
      command = facts.mptk
      const read = host === undefined ? undefined : (name: string) => readThere(place.runner, name)
      const aside: string[] = []
      const wrong = await fileMistakes(config, (line) => aside.push(line), read)
      // root may read them, and root will apply
      const forRoot = place.unprivileged === undefined ? [] : wrong.filter(({ denied }) => denied)
      const problems = wrong.filter((each) => !forRoot.includes(each))
      const { resources, notes, warnings: found } = describe(config, facts, { configFile, problems })
      return {
        resources: [...files, ...resources],
        notes,
        warnings: [
          ...warnings,
          ...aside,
          ...forRoot.map(problemLine),
          ...found,
          ...(await checkSites(place.runner, config, facts)),
        ],
      }
    },
    async tryUpstreams({ runner }, signal) {
      if (!config.services.some((each) => 'upstream' in each && each.upstream !== undefined)) return []
      const check = [...command, 'check', '--config', configFile, '--upstream', '--json']
      const { stdout, stderr } = await runner.run(check, { reject: false, signal })
      return trialsOf(stdout, stderr)
    },
  }
}

/** A file of the host it is about. @throws {MptkError} MPTK_CONFIG_FILE */
async function readThere(runner: Runner, file: string): Promise<string> {
  const { stdout, stderr, exitCode } = await runner.run(['cat', '--', file], { reject: false })
  if (exitCode === 0) return stdout
  const why = stderr.split(': ').at(-1) ?? 'no reason'
  const denied = why === 'Permission denied'
  const cause = Object.assign(new Error(why), denied ? { code: 'EACCES', syscall: 'open' } : {})
  throw new MptkError('MPTK_CONFIG_FILE', `cannot read ${file}: ${why}`, { cause })
}

function configurationFile(content: string): FileResource {
  const why = 'the configuration, for mptk run there'
  return { kind: 'file', path: REMOTE_CONFIG, mode: '0600', content, secret: true, why }
}

/** Words that lead to the same place, for commands that are suggested. */
export function samePlace({ host, 'ssh-config': sshConfig, netns, state }: PlaceArguments): string[] {
  return Object.entries({ host, 'ssh-config': sshConfig, netns, state }).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, value],
  )
}
