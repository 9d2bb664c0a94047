/**
 * Every command by its name. A command's module is loaded when it is called: all of them together
 * take longer to load than most of them take to run.
 */
import type { Argv, CommandModule } from 'yargs'

type Register = (to: Argv) => Promise<void>

/** What `load` answers becomes known to the parser. */
const command =
  <T>(load: () => Promise<CommandModule<object, T>>): Register =>
  async (to) => {
    to.command(await load())
  }

/** In the order in which help lists them. */
const COMMANDS: Readonly<Record<string, Register>> = {
  run: command(async () => (await import('./run.js')).runCommand),
  socks5: command(async () => (await import('./run.js')).socks5Command),
  reverse: command(async () => (await import('./run.js')).reverseCommand),
  keep: command(async () => (await import('./keep.js')).keepCommand),
  plan: command(async () => (await import('./plan.js')).planCommand),
  apply: command(async () => (await import('./apply.js')).applyCommand),
  confirm: command(async () => (await import('./confirm.js')).confirmCommand),
  status: command(async () => (await import('./status.js')).statusCommand),
  revert: command(async () => (await import('./revert.js')).revertCommand),
  doctor: command(async () => (await import('./doctor.js')).doctorCommand),
  demo: command(async () => (await import('./demo.js')).demoCommand),
  lab: command(async () => (await import('./lab.js')).labCommand),
  generate: command(async () => (await import('./generate.js')).generateCommand),
  check: command(async () => (await import('./check.js')).checkCommand),
  schema: command(async () => (await import('./schema.js')).schemaCommand),
  passwd: command(async () => (await import('./passwd.js')).passwdCommand),
  'without-fast-open': command(async () => (await import('./without-fast-open.js')).withoutFastOpenCommand),
  perf: command(async () => (await import('./perf.js')).perfCommand),
}

/** The command that the first word names, or for help and mistakes all of them. */
export async function registerCommands(to: Argv, [name = '']: readonly string[]): Promise<void> {
  const asked = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  for (const register of asked === undefined ? Object.values(COMMANDS) : [asked]) await register(to)
}
