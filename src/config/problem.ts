/** What is wrong with a value, in words a person can act on: one line of where, what was expected and what was found. */
import type { z } from 'zod'

type Issue = z.core.$ZodIssue
type RawIssue = Parameters<z.core.$ZodErrorMap>[0]

export interface Problem {
  /** `services[0].upstream.address`; empty for the whole file. */
  path: string
  text: string
  /** Parameters that the schema gave to the check. */
  params: Record<string, unknown>
}

/** The schema's error map: what was expected, where the schema itself does not say. */
export function expectation(issue: RawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${TYPE_NAMES[issue.expected] ?? issue.expected}`
    case 'invalid_value':
      return `expected ${oneOf(issue.values.map(String))}`
    case 'too_small':
      return issue.origin === 'array' ? 'expected at least one entry' : undefined
    case 'invalid_union':
      return issue.discriminator === undefined ? UNSAID : `expected ${oneOf(discriminators(issue))}`
    case 'unrecognized_keys':
      return `expected ${oneOf(knownKeys(issue))}, found the unknown key ${issue.keys.map(quote).join(', ')}`
    default:
      return undefined
  }
}

/** The one problem to report. An unknown key comes first: it is often a known one misspelt. */
export function mainProblem(issues: readonly Issue[]): Problem {
  const issue = mainIssue(issues)
  return {
    path: pathOf(issue.path),
    text: withoutUserInfo(
      /\bfound /.test(issue.message) ? issue.message : `${issue.message}, found ${found(issue)}`,
    ),
    params: (issue.code === 'custom' && issue.params) || {},
  }
}

function mainIssue(issues: readonly Issue[]): Issue {
  const issue = issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0]
  if (issue === undefined) throw new Error('a value was refused without an issue')
  if (issue.code === 'invalid_key') return { ...issue, message: issue.issues[0]?.message ?? issue.message }
  if (issue.code !== 'invalid_union' || issue.errors.length === 0) return issue
  // the branch that was meant is the one whose type is right; else the union speaks, or its simplest branch, written last
  const branches: readonly (readonly Issue[])[] = issue.errors
  const meant = branches.find((branch) => !branch.some(isWrongType))
  if (meant === undefined && issue.message !== UNSAID) return issue
  const inner = mainIssue(meant ?? branches.at(-1) ?? [])
  return { ...inner, path: [...issue.path, ...inner.path] }
}

/** Of a union without a word of its own. */
const UNSAID = ''

function isWrongType({ code, path }: Issue): boolean {
  return (code === 'invalid_type' || code === 'invalid_value') && path.length === 0
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  object: 'a map of keys and values',
  record: 'a map of keys and values',
  array: 'a list',
  string: 'text',
  boolean: 'true or false',
}

function discriminators(issue: RawIssue & { code: 'invalid_union' }): string[] {
  return 'options' in issue && Array.isArray(issue.options) ? issue.options.map(String) : []
}

function knownKeys(issue: RawIssue): string[] {
  const { def } = (issue.inst as z.core.$ZodObject)._zod
  return Object.keys(def.shape)
}

/** `a`, `a or b`, `one of a, b, c`. */
function oneOf(names: readonly string[]): string {
  return names.length > 2 ? `one of ${names.join(', ')}` : names.join(' or ')
}

function found(issue: Issue): string {
  const { input, path } = issue
  const value =
    issue.code === 'invalid_union' && issue.discriminator !== undefined
      ? (input as Record<string, unknown> | undefined)?.[issue.discriminator]
      : input
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'a map'
  if (value === undefined || value === null) return 'nothing'
  if (isSecret(path)) return typeof value === 'string' ? 'other text' : `a ${typeof value}`
  return quote(value)
}

/** Where a wrong value may be a password, or a password in the wrong place. */
function isSecret(path: readonly PropertyKey[]): boolean {
  return path.some((key) => key === 'password' || key === 'passwordHash' || key === 'users')
}

function quote(value: unknown): string {
  const text = typeof value === 'bigint' ? String(value) : JSON.stringify(value)
  return text.length > 80 ? `${text.slice(0, 77)}...` : text
}

/** An address written as a URL may carry a password: `alice:secret@10.0.2.2`. */
function withoutUserInfo(text: string): string {
  return text.replace(/[^\s"'/]+@/g, '***@')
}

function pathOf(path: readonly PropertyKey[]): string {
  return path.reduce<string>((out, key) => {
    if (typeof key === 'number') return `${out}[${key}]`
    return out === '' ? String(key) : `${out}.${String(key)}`
  }, '')
}
