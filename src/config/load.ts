/** From a file or an object to a checked configuration; every problem becomes one line. */
import { readFile } from 'node:fs/promises'
import { parse, YAMLParseError } from 'yaml'
import type { z } from 'zod'
import { describeError, MptkError } from '../errors.js'
import { configSchema, usersMap, type Config, type UsersConfig } from './schema.js'

/** @throws {MptkError} MPTK_CONFIG_FILE, MPTK_CONFIG, MPTK_OPEN_PROXY */
export async function loadConfig(file: string): Promise<Config> {
  return checkConfig(await readYaml(file), file)
}

/** @param origin names the configuration in messages @throws {MptkError} MPTK_CONFIG, MPTK_OPEN_PROXY */
export function checkConfig(value: unknown, origin: string): Config {
  return check(configSchema, value, origin)
}

/** A file of users: the same map as the `users` key. @throws {MptkError} MPTK_CONFIG_FILE, MPTK_CONFIG */
export async function loadUsers(file: string): Promise<UsersConfig> {
  return check(usersMap, await readYaml(file), file)
}

/** The first line of a file that holds a secret. @throws {MptkError} MPTK_CONFIG_FILE */
export async function loadSecret(file: string): Promise<string> {
  const [line = ''] = (await readText(file)).split(/\r?\n/, 1)
  if (line !== '') return line
  throw new MptkError('MPTK_CONFIG_FILE', `${file}: expected a password on the first line, found none`)
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new MptkError('MPTK_CONFIG_FILE', `cannot read ${file}: ${describeError(cause)}`, { cause })
  }
}

async function readYaml(file: string): Promise<unknown> {
  const text = await readText(file)
  try {
    return parse(text, { uniqueKeys: true })
  } catch (cause) {
    const where = cause instanceof YAMLParseError && cause.linePos ? `:${cause.linePos[0].line}` : ''
    const what = describeError(cause).split('\n')[0]
    throw new MptkError('MPTK_CONFIG_FILE', `${file}${where}: not YAML: ${what}`, { cause })
  }
}

function check<T extends z.ZodType>(schema: T, value: unknown, origin: string): z.output<T> {
  const result = schema.safeParse(value, { reportInput: true })
  if (result.success) return result.data
  const issue = deepest(result.error.issues)
  const open = issue.code === 'custom' && issue.params?.['open'] === true
  throw new MptkError(
    open ? 'MPTK_OPEN_PROXY' : 'MPTK_CONFIG',
    `${origin}: ${pathOf(issue.path)}: ${messageOf(issue)}`,
  )
}

type Issue = z.core.$ZodIssue

/** Of a union's branches, the one that came furthest is the one that was meant. */
function deepest(issues: readonly Issue[], base: readonly PropertyKey[] = []): Issue {
  const expanded = issues.map((issue) => {
    const path = [...base, ...issue.path]
    if (issue.code !== 'invalid_union' || issue.errors.length === 0) return { ...issue, path }
    const branches = issue.errors.map((branch) => deepest(branch, path))
    const best = branches.reduce((a, b) => (rank(b) > rank(a) ? b : a))
    return best.path.length > path.length || best.code !== 'invalid_type'
      ? best
      : { ...issue, path, branches }
  })
  return expanded.reduce((a, b) => (rank(b) > rank(a) ? b : a)) as Issue
}

function rank(issue: Issue): number {
  return issue.path.length * 2 + (issue.code === 'invalid_type' ? 0 : 1)
}

/** `services[0].upstream.address` */
function pathOf(path: readonly PropertyKey[]): string {
  const text = path.reduce<string>(
    (out, key) =>
      typeof key === 'number' ? `${out}[${key}]` : out === '' ? String(key) : `${out}.${String(key)}`,
    '',
  )
  return text === '' ? 'the whole file' : text
}

function messageOf(issue: Issue): string {
  if (issue.code === 'unrecognized_keys') {
    return `unknown key ${issue.keys.map((key) => JSON.stringify(key)).join(', ')}`
  }
  const message = issue.message
  const found = 'input' in issue && !isSecret(issue.path) ? `, found ${show(issue.input)}` : ''
  if (message.includes('found')) return message
  const expected = message
    .replace(/^Invalid input: /, '')
    .replace(/, received .*$/, '')
    .replace(/^Invalid option: /, '')
    .replace(/^(?!expected)/, 'expected: ')
  return `${expected}${found}`
}

function isSecret(path: readonly PropertyKey[]): boolean {
  return path.some((key) => key === 'password' || key === 'users')
}

function show(value: unknown): string {
  if (value === undefined) return 'nothing'
  const text = JSON.stringify(value)
  return text.length > 80 ? `${text.slice(0, 77)}...` : text
}
