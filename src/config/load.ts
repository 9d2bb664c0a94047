/** From a file or an object to a checked configuration; every problem becomes one line. */
import { readFile } from 'node:fs/promises'
import { parseDocument, type YAMLError } from 'yaml'
import { z } from 'zod'
import { describeError, MptkError } from '../errors.js'
import { expectation, mainProblem } from './problem.js'
import { configSchema, type Config } from './schema.js'
import { usersMap, type UsersConfig } from './service.js'

/** @throws {MptkError} MPTK_CONFIG_FILE, MPTK_CONFIG, MPTK_OPEN_PROXY */
export async function loadConfig(file: string): Promise<Config> {
  return checkConfig(await readYaml(file), file)
}

/** @param origin names the configuration in messages @throws {MptkError} MPTK_CONFIG, MPTK_OPEN_PROXY */
export function checkConfig(value: unknown, origin: string): Config {
  return check(configSchema, value, origin)
}

const usersFile = z.strictObject({ users: usersMap })

/** A file of users: the same map as the `users` key. @throws {MptkError} MPTK_CONFIG_FILE, MPTK_CONFIG */
export async function loadUsers(file: string): Promise<UsersConfig> {
  return check(usersFile, { users: await readYaml(file) }, file).users
}

/** The first line of a file that holds a password (RFC 1929: 1 to 255 bytes). @throws {MptkError} MPTK_CONFIG_FILE */
export async function loadPassword(file: string): Promise<string> {
  const [line = ''] = (await readText(file)).split(/\r?\n/, 1)
  const length = Buffer.byteLength(line)
  if (length >= 1 && length <= 255) return line
  throw new MptkError(
    'MPTK_CONFIG_FILE',
    `${file}: expected a password of 1 to 255 bytes on the first line, found ${length} bytes`,
  )
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new MptkError('MPTK_CONFIG_FILE', `cannot read ${file}: ${describeError(cause)}`, { cause })
  }
}

async function readYaml(file: string): Promise<unknown> {
  // the parser's warnings are mistakes as well: an unknown tag silently makes a value empty
  const document = parseDocument(await readText(file), { uniqueKeys: true, logLevel: 'error' })
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
  const result = schema.safeParse(value, { reportInput: true, error: expectation })
  if (result.success) return result.data
  const { path, text, params } = mainProblem(result.error.issues)
  throw new MptkError(
    params['open'] === true ? 'MPTK_OPEN_PROXY' : 'MPTK_CONFIG',
    [origin, path, text].filter((part) => part !== '').join(': '),
  )
}
