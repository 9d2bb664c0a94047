/** What is wrong with a value, in words a person can act on: one line of where, what was expected and what was found. */
import type { z } from 'zod'
import { closest, didYouMean } from '../closest.js'

type Issue = z.core.$ZodIssue
type RawIssue = Parameters<z.core.$ZodErrorMap>[0]

export interface Problem {
  /** Of the value that is wrong; empty for the whole file. */
  keys: readonly PropertyKey[]
  /** In words, as `services[0].upstream.address`: of an unknown key, where it stands. */
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
      return `expected ${oneOf(knownKeys(issue))}`
    default:
      return undefined
  }
}

/** All of them, in the schema's order, unknown keys of a map before what it lacks. What only follows from another one is left out. */
export function allProblems(issues: readonly Issue[]): Problem[] {
  const plain = issues.flatMap(plainIssues)
  const unknown = plain.filter(isUnknownKeys)
  const meant = new Set(unknown.flatMap((issue) => meantKeys(issue)))
  const others = plain.filter(
    (issue) =>
      !isUnknownKeys(issue) &&
      !meant.has(pathOf(issue.path)) &&
      !unknown.some((each) => isRuleOf(each.path, issue)),
  )
  // of one value the first word: what else is wrong with it follows from that
  const first = new Map(others.map((issue) => [pathOf(issue.path), issue]).reverse() as [string, Issue][])
  const told = others.filter((issue) => first.get(pathOf(issue.path)) === issue)
  return [...unknown.flatMap(unknownKeys), ...told.map(problemOf)]
}

/** A rule about the keys of one map, in which a key is unknown: it may be the one that the rule misses. */
function isRuleOf(map: readonly PropertyKey[], { code, path }: Issue): boolean {
  return code === 'custom' && path.length <= map.length + 1 && map.every((key, index) => key === path[index])
}

function problemOf(issue: Issue): Problem {
  const words = /\bfound /.test(issue.message) ? issue.message : `${issue.message}, found ${found(issue)}`
  return {
    keys: issue.path,
    path: pathOf(issue.path),
    text: withoutUserInfo(`${words}${suggestion(issue)}`),
    params: (issue.code === 'custom' && issue.params) || {},
  }
}

type UnknownKeys = Extract<Issue, { code: 'unrecognized_keys' }>
const isUnknownKeys = (issue: Issue): issue is UnknownKeys => issue.code === 'unrecognized_keys'

/** One for each key. With a known one near, the list of all of them would hide it. */
function unknownKeys(issue: UnknownKeys): Problem[] {
  return issue.keys.map((key) => {
    const what = `found the unknown key ${quote(key)}`
    const meant = didYouMean(key, knownOf(issue))
    const text = meant === '' ? `${issue.message}, ${what}` : `${what}${meant}`
    return { keys: [...issue.path, key], path: pathOf(issue.path), text: withoutUserInfo(text), params: {} }
  })
}

/** Paths of the keys that unknown ones were meant to be: they are not missing. */
function meantKeys(issue: UnknownKeys): string[] {
  return issue.keys.flatMap((key) => {
    const meant = closest(key, knownOf(issue))
    return meant === undefined ? [] : [pathOf([...issue.path, meant])]
  })
}

/** The keys that {@link expectation} has listed. */
function knownOf({ message }: UnknownKeys): string[] {
  return message.replace(/^expected (one of )?/, '').split(/, | or /)
}

/** A choice that is nearly one of those there are. */
function suggestion(issue: Issue): string {
  if (isSecret(issue.path)) return ''
  if (issue.code === 'invalid_value') {
    return typeof issue.input === 'string' ? didYouMean(issue.input, issue.values.map(String)) : ''
  }
  const value = discriminated(issue)
  return issue.code === 'invalid_union' && typeof value === 'string'
    ? didYouMean(value, discriminators(issue))
    : ''
}

/** A union's mistakes are those of the branch that was meant: the one whose type is right; else the union speaks, or its simplest branch, written last. */
function plainIssues(issue: Issue): Issue[] {
  if (issue.code === 'invalid_key') {
    return [{ ...issue, message: issue.issues[0]?.message ?? issue.message }]
  }
  if (issue.code !== 'invalid_union' || issue.errors.length === 0) return [issue]
  const branches: readonly (readonly Issue[])[] = issue.errors
  const meant = branches.find((branch) => !branch.some(isWrongType))
  if (meant === undefined && issue.message !== UNSAID) return [issue]
  return (meant ?? branches.at(-1) ?? [])
    .flatMap(plainIssues)
    .map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] }))
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

function discriminators(issue: object): string[] {
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
  const { path } = issue
  const value = discriminated(issue)
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'a map'
  if (value === undefined || value === null) return 'nothing'
  if (isSecret(path)) return typeof value === 'string' ? 'other text' : `a ${typeof value}`
  return quote(value)
}

/** What was found: of a choice among kinds, the value that names the kind. */
function discriminated(issue: Issue): unknown {
  return issue.code === 'invalid_union' && issue.discriminator !== undefined
    ? (issue.input as Record<string, unknown> | undefined)?.[issue.discriminator]
    : issue.input
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
