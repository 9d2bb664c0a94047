/**
 * Every command by its name. A command's module is loaded when it is called: all of them together
 * take longer to load than most of them take to run.
 */
import type { Argv, CommandModule } from 'yargs'
import { didYouMean } from '../closest.js'
import { MptkError } from '../errors.js'

/** A command's own types are of no concern here. */
type Load = () => Promise<CommandModule>

const command =
  <T>(load: () => Promise<CommandModule<object, T>>): Load =>
  async () =>
    (await load()) as unknown as CommandModule

/** By what one wants to do, in the order in which help lists them. */
const GROUPS: Readonly<Record<string, Readonly<Record<string, Load>>>> = {
  'Run a proxy': {
    run: command(async () => (await import('./run.js')).runCommand),
    socks5: command(async () => (await import('./run.js')).socks5Command),
    reverse: command(async () => (await import('./run.js')).reverseCommand),
  },
  'Set up this host, or another one over ssh': {
    plan: command(async () => (await import('./plan.js')).planCommand),
    apply: command(async () => (await import('./apply.js')).applyCommand),
    confirm: command(async () => (await import('./confirm.js')).confirmCommand),
    status: command(async () => (await import('./status.js')).statusCommand),
    revert: command(async () => (await import('./revert.js')).revertCommand),
    keep: command(async () => (await import('./keep.js')).keepCommand),
    generate: command(async () => (await import('./generate.js')).generateCommand),
  },
  'Look and measure': {
    doctor: command(async () => (await import('./doctor.js')).doctorCommand),
    perf: command(async () => (await import('./perf.js')).perfCommand),
    demo: command(async () => (await import('./demo.js')).demoCommand),
    lab: command(async () => (await import('./lab.js')).labCommand),
  },
  Files: {
    check: command(async () => (await import('./check.js')).checkCommand),
    passwd: command(async () => (await import('./passwd.js')).passwdCommand),
    schema: command(async () => (await import('./schema.js')).schemaCommand),
  },
}

/** Not for people to call. */
const HIDDEN: Readonly<Record<string, Load>> = {
  'without-fast-open': command(async () => (await import('./without-fast-open.js')).withoutFastOpenCommand),
}

const COMMANDS = Object.assign({}, ...Object.values(GROUPS), HIDDEN) as Readonly<Record<string, Load>>

/** The command that the first word names. @throws {MptkError} MPTK_USAGE when there is none */
export async function registerCommand(to: Argv, name: string): Promise<void> {
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (load === undefined) {
    const meant = didYouMean(name, Object.keys(COMMANDS))
    throw new MptkError('MPTK_USAGE', `unknown command ${name}${meant}: see mptk --help`)
  }
  to.command(await load())
}

/** What `mptk` alone and `mptk --help` print. */
export async function overview(): Promise<string> {
  const lines = ['mptk <command> [options]', '', PURPOSE]
  const width = Math.max(
    ...Object.values(GROUPS).flatMap((group) => Object.keys(group).map(({ length }) => length)),
  )
  for (const [group, commands] of Object.entries(GROUPS)) {
    lines.push('', `${group}:`)
    for (const [name, load] of Object.entries(commands)) {
      const { describe } = await load()
      lines.push(`  mptk ${name.padEnd(width)}  ${describe === false ? '' : (describe ?? '')}`)
    }
  }
  lines.push('', 'Examples:')
  const longest = Math.max(...EXAMPLES.map(([line]) => line.length))
  for (const [line, what] of EXAMPLES) lines.push(`  ${line.padEnd(longest)}  ${what}`)
  lines.push('', 'mptk <command> --help   options of a command', 'mptk --version          version', '', DOCS)
  return `${lines.join('\n')}\n`
}

const PURPOSE = 'Multipath TCP for programs, web sites and networks that do not have it.'

const EXAMPLES = [
  ['mptk run', 'a SOCKS5 proxy on 127.0.0.1:1080'],
  ['mptk doctor', 'what this kernel can do'],
  ['mptk passwd alice --file users.yaml', 'a user of a proxy'],
  ['mptk check --config mptk.yaml', 'all that is wrong with a configuration'],
  ['sudo mptk apply --config mptk.yaml --confirm-within 60s', 'make this host what it says'],
  ['mptk status', 'what is applied, and how the running proxy does'],
] as const

const DOCS = 'Documentation: README.md and docs/, where this program is installed'
