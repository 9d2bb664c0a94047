/** From a file or an object to a checked configuration; every problem becomes one line. */
import { LineCounter, parseDocument, type YAMLError } from 'yaml'
import { z } from 'zod'
import { MptkError } from '../errors.js'
import { keysOf, linesOf, type LineOf } from './lines.js'
import { allProblems, expectation } from './problem.js'
import { configSchema, type Config } from './schema.js'
import { refuseProto } from './own-keys.js'
import { hasSecrets } from './secrets.js'
import { usersMap, type UsersConfig } from './service.js'
import { readableSecret, readTrustedFile } from './trusted-file.js'

/** Takes a line on what is not as it should be, and goes on all the same. */
export type Warn = (line: string) => void

const onStderr: Warn = (line) => console.error(`mptk: warning: ${line}`)

/** @throws {MptkError} MPTK_CONFIG_FILE, MPTK_UNTRUSTED_FILE, MPTK_CONFIG, MPTK_OPEN_PROXY */
export async function loadConfig(file: string, warn: Warn = onStderr): Promise<Config> {
  return (await loadConfigText(file, warn)).config
}

/** With the text it was read from, for whoever passes that on, since the file may be another one by then, and with what tells where in it each key is. @throws as {@link loadConfig} */
export async function loadConfigText(
  file: string,
  warn: Warn = onStderr,
): Promise<{ config: Config; text: string; lineOf: LineOf }> {
  const { text, readableByAll } = await readTrustedFile(file)
  const { value, lineOf } = parseYaml(file, text)
  const config = check(configSchema, value, file, lineOf)
  if (readableByAll && hasSecrets(config)) warn(readableSecret(file))
  return { config, text, lineOf }
}

/** A mistake that the schema cannot see: a file, the host. `path` as `services[0].listen`. */
export interface Mistake {
  path: string
  text: string
}

/** One line each: `mptk.yaml:7: services[0].listen: …`. */
export function mistakeLines(file: string, mistakes: readonly Mistake[], lineOf: LineOf): string[] {
  return mistakes.map(({ path, text }) => mistakeLine(file, lineOf(keysOf(path)), path, text))
}

function mistakeLine(origin: string, line: number | undefined, path: string, text: string): string {
  return [line === undefined ? origin : `${origin}:${line}`, path, text]
    .filter((part) => part !== '')
    .join(': ')
}

/** @param origin names the configuration in messages, a line for each mistake @throws {MptkError} MPTK_CONFIG, MPTK_OPEN_PROXY */
export function checkConfig(value: unknown, origin: string): Config {
  return check(configSchema, value, origin)
}

const usersFile = z.strictObject({ users: usersMap })

/** Gives a file's text, here or elsewhere. @throws {MptkError} MPTK_CONFIG_FILE, MPTK_UNTRUSTED_FILE */
export type ReadText = (file: string, warn: Warn) => Promise<string>

/** A file of users: the same map as the `users` key. @throws {MptkError} MPTK_CONFIG_FILE, MPTK_UNTRUSTED_FILE, MPTK_CONFIG */
export async function loadUsers(
  file: string,
  warn: Warn = onStderr,
  read: ReadText = readSecret,
): Promise<UsersConfig> {
  const { value, lineOf } = parseYaml(file, await read(file, warn))
  return check(usersFile, { users: value }, file, ([, ...path]) => lineOf(path)).users
}

/** The first line of a file that holds a password (RFC 1929: 1 to 255 bytes). @throws {MptkError} MPTK_CONFIG_FILE, MPTK_UNTRUSTED_FILE */
export async function loadPassword(
  file: string,
  warn: Warn = onStderr,
  read: ReadText = readSecret,
): Promise<string> {
  const [line = ''] = (await read(file, warn)).split(/\r?\n/, 1)
  const length = Buffer.byteLength(line)
  if (length >= 1 && length <= 255) return line
  throw new MptkError(
    'MPTK_CONFIG_FILE',
    `${file}: expected a password of 1 to 255 bytes on the first line, found ${length} bytes`,
  )
}

async function readSecret(file: string, warn: Warn): Promise<string> {
  const { text, readableByAll } = await readTrustedFile(file)
  if (readableByAll) warn(readableSecret(file))
  return text
}

function parseYaml(file: string, text: string): { value: unknown; lineOf: LineOf } {
  const counter = new LineCounter()
  // the parser's warnings are mistakes as well: an unknown tag silently makes a value empty
  const document = parseDocument(text, { uniqueKeys: true, logLevel: 'error', lineCounter: counter })
  const problems = [...document.errors, ...document.warnings]
  if (problems.length > 0) throw notYaml(file, problems)
  try {
    return { value: document.toJS(), lineOf: linesOf(document, counter) }
  } catch (cause) {
    // the message would quote the alias, which may be an unquoted password with a leading asterisk
    throw new MptkError('MPTK_CONFIG_FILE', `${file}: a value begins with an asterisk: put it in quotes`, {
      cause,
    })
  }
}

/** Said better than by the parser, which would quote the tag: it may be an unquoted password. */
const YAML_PROBLEMS: Readonly<Record<string, string>> = {
  MULTIPLE_DOCS: 'expected one document, found a second one (---)',
  TAG_RESOLVE_FAILED: 'a value begins with an exclamation mark: put it in quotes',
}

/** The first word on each line: what the parser says after it follows from it. */
function notYaml(file: string, problems: readonly YAMLError[]): MptkError {
  const lines = new Map<number | undefined, string>()
  for (const { code, linePos, message } of problems) {
    const line = linePos?.[0].line
    // the message goes on with an excerpt of the file, which may hold a password
    const [first = ''] = message.split('\n', 1)
    const what = YAML_PROBLEMS[code] ?? first.replace(/ at line \d+, column \d+:?$/, '')
    if (!lines.has(line)) lines.set(line, mistakeLine(file, line, 'not YAML', what))
  }
  return new MptkError('MPTK_CONFIG_FILE', [...lines.values()].join('\n'), { cause: problems[0] })
}

/** Mistakes told at once: more of them is another kind of file. */
const MOST_MISTAKES = 20

function check<T extends z.ZodType>(
  schema: T,
  value: unknown,
  origin: string,
  lineOf: LineOf = () => undefined,
): z.output<T> {
  refuseProto(value, origin)
  const result = schema.safeParse(value, { reportInput: true, error: expectation })
  if (result.success) return result.data
  const problems = allProblems(result.error.issues)
  const found = problems.map((each) => ({ ...each, line: lineOf(each.keys) }))
  found.sort((a, b) => (a.line ?? 0) - (b.line ?? 0))
  const lines = found
    .slice(0, MOST_MISTAKES)
    .map(({ line, path, text }) => mistakeLine(origin, line, path, text))
  if (found.length > MOST_MISTAKES) lines.push(`${origin}: and ${found.length - MOST_MISTAKES} more`)
  const open = problems.every(({ params }) => params['open'] === true)
  throw new MptkError(open ? 'MPTK_OPEN_PROXY' : 'MPTK_CONFIG', lines.join('\n'))
}
