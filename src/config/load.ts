/** From a file or an object to a checked configuration; every problem becomes one line. */
import { parseDocument, type YAMLError } from 'yaml'
import { z } from 'zod'
import { MptkError } from '../errors.js'
import { expectation, mainProblem } from './problem.js'
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

/** With the text it was read from, for whoever passes that on: the file may be another one by then. @throws as {@link loadConfig} */
export async function loadConfigText(
  file: string,
  warn: Warn = onStderr,
): Promise<{ config: Config; text: string }> {
  const { text, readableByAll } = await readTrustedFile(file)
  const config = checkConfig(parseYaml(file, text), file)
  if (readableByAll && hasSecrets(config)) warn(readableSecret(file))
  return { config, text }
}

/** @param origin names the configuration in messages @throws {MptkError} MPTK_CONFIG, MPTK_OPEN_PROXY */
export function checkConfig(value: unknown, origin: string): Config {
  return check(configSchema, value, origin)
}

const usersFile = z.strictObject({ users: usersMap })

/** A file of users: the same map as the `users` key. @throws {MptkError} MPTK_CONFIG_FILE, MPTK_UNTRUSTED_FILE, MPTK_CONFIG */
export async function loadUsers(file: string, warn: Warn = onStderr): Promise<UsersConfig> {
  return check(usersFile, { users: parseYaml(file, await readSecret(file, warn)) }, file).users
}

/** The first line of a file that holds a password (RFC 1929: 1 to 255 bytes). @throws {MptkError} MPTK_CONFIG_FILE, MPTK_UNTRUSTED_FILE */
export async function loadPassword(file: string, warn: Warn = onStderr): Promise<string> {
  const [line = ''] = (await readSecret(file, warn)).split(/\r?\n/, 1)
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

function parseYaml(file: string, text: string): unknown {
  // the parser's warnings are mistakes as well: an unknown tag silently makes a value empty
  const document = parseDocument(text, { uniqueKeys: true, logLevel: 'error' })
  const [problem] = [...document.errors, ...document.warnings]
  if (problem !== undefined) throw notYaml(file, problem)
  try {
    return document.toJS()
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

function notYaml(file: string, problem: YAMLError): MptkError {
  const line = problem.linePos === undefined ? '' : `:${problem.linePos[0].line}`
  // the message goes on with an excerpt of the file, which may hold a password
  const [first = ''] = problem.message.split('\n', 1)
  const what = YAML_PROBLEMS[problem.code] ?? first.replace(/ at line \d+, column \d+:?$/, '')
  return new MptkError('MPTK_CONFIG_FILE', `${file}${line}: not YAML: ${what}`, { cause: problem })
}

function check<T extends z.ZodType>(schema: T, value: unknown, origin: string): z.output<T> {
  refuseProto(value, origin)
  const result = schema.safeParse(value, { reportInput: true, error: expectation })
  if (result.success) return result.data
  const { path, text, params } = mainProblem(result.error.issues)
  throw new MptkError(
    params['open'] === true ? 'MPTK_OPEN_PROXY' : 'MPTK_CONFIG',
    [origin, path, text].filter((part) => part !== '').join(': '),
  )
}
