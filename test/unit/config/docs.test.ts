// docs/configuration.md says what the schema says: every key with its default, examples that load, every error code.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { parse } from 'yaml'
import { z } from 'zod'
import { checkConfig, loadConfig, loadUsers } from '../../../src/config/load.js'
import { configSchema } from '../../../src/config/schema.js'
import { ERRORS } from '../../../src/errors.js'

const read = (name: string): string => readFileSync(new URL(`../../../docs/${name}`, import.meta.url), 'utf8')
const text = read('configuration.md')

/** The fenced blocks of a language. */
function blocks(language: string): string[] {
  return [...text.matchAll(/^```(\w+)\n([^]*?)^```$/gm)]
    .filter(([, found]) => found === language)
    .map(([, , body = '']) => body)
}

/** Rows of the table under a heading: cells without the quotes of code. */
function table(heading: string, page = text): string[][] {
  const start = page.search(new RegExp(`^#+ ${heading}$`, 'm'))
  if (start === -1) throw new Error(`no heading ${heading}`)
  const [, ...after] = page.slice(start).split('\n')
  const section = after.slice(
    0,
    after.findIndex((line) => line.startsWith('#')),
  )
  const rows = (section.length > 0 ? section : after).filter((line) => line.startsWith('|')).slice(2)
  return rows.map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim().replace(/^`(.*)`$/, '$1')),
  )
}

interface Schema {
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
  const?: unknown
  oneOf?: Schema[]
  anyOf?: Schema[]
  default?: unknown
  additionalProperties?: Schema | false
}
const schema = z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' }) as Schema

/** Keys of an object of the schema, `required` or the default as it would be written. */
function keys(object: Schema | undefined): Map<string, string | undefined> {
  const entries = Object.entries(object?.properties ?? {}).map(([key, value]) => {
    const written =
      value.default === undefined || JSON.stringify(value.default) === '{}' ? undefined : flow(value.default)
    return [key, object?.required?.includes(key) === true ? 'required' : written] as const
  })
  return new Map(entries)
}

/** As in YAML's flow style: `{ idle: 60, count: 6 }`. */
function flow(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value)
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`
  return `{ ${Object.entries(value)
    .map(([key, each]) => `${key}: ${flow(each)}`)
    .join(', ')} }`
}

void t.test('examples load', async (t) => {
  const examples = blocks('yaml')
  t.ok(examples.length >= 4)
  for (const example of examples) t.doesNotThrow(() => checkConfig(parse(example), 'example'), example)
  const [users = ''] = blocks('yml')
  const folder = t.testdir({ 'users.yaml': users })
  t.strictSame(Object.keys(await loadUsers(join(folder, 'users.yaml'))), ['alice', 'bob'])
})

void t.test('the messages that are shown are the real ones', async (t) => {
  const shown = [...text.matchAll(/^mptk: (mptk\.yaml:.*)$/gm)].map(([, line]) => line)
  t.equal(shown.length, 2)
  const folder = t.testdir({
    'mptk.yaml': 'services:\n  - type: socks5\n    lisen: 127.0.0.1:1080\n    timeouts:\n      dial: 10\n',
  })
  const error: unknown = await loadConfig(join(folder, 'mptk.yaml')).catch((each: unknown) => each)
  t.equal((error as Error).message.replaceAll(`${folder}/`, ''), shown.join('\n'))
})

void t.test('every key and its default', (t) => {
  const kind = (type: string): Schema | undefined =>
    schema.properties?.['services']?.items?.oneOf?.find(
      ({ properties }) => properties?.['type']?.const === type,
    )
  const [socks5, connect, reverse, transparent, pathTest] = [
    'socks5',
    'connect',
    'reverse-tcp',
    'transparent',
    'path-test',
  ].map(kind)
  const at = (object: Schema | undefined, key: string): Schema | undefined => object?.properties?.[key]
  // beside the map there is a short form
  const each = at(socks5, 'users')?.additionalProperties
  const user = each === false ? undefined : each?.anyOf?.find(({ properties }) => properties !== undefined)
  const sockets = 'Keys of sockets'
  const service = 'Keys of every service'
  const places: [string, string[], Schema | undefined][] = [
    ['the file', ['Keys of the file'], schema],
    ['socks5', [service, sockets, 'Keys of `socks5`'], socks5],
    ['connect', [service, sockets, 'Keys of `connect`'], connect],
    ['pac', ['Keys of `pac`'], at(connect, 'pac')],
    ['reverse-tcp', [service, sockets, 'Keys of `reverse-tcp`'], reverse],
    ['transparent', [service, sockets, 'Keys of `transparent`'], transparent],
    ['path-test', ['Keys of `path-test`'], pathTest],
    ['limits', ['Keys of `limits`'], at(socks5, 'limits')],
    ['timeouts', ['Keys of `timeouts`'], at(socks5, 'timeouts')],
    ['users', ['Keys of `users`'], user],
    ['egress', ['Keys of `egress`', sockets], at(socks5, 'egress')],
    ['upstream', ['Keys of `upstream`', sockets], at(socks5, 'upstream')],
    ['upstreamFor', ['Keys of `upstreamFor`'], at(socks5, 'upstreamFor')],
    ['status', ['Keys of `status`'], at(schema, 'status')],
    ['log', ['Keys of `log`'], at(schema, 'log')],
    ['relay', ['Keys of `relay`'], at(schema, 'relay')],
    ['rules', ['Rules'], at(at(socks5, 'rules')?.items, 'allow')],
  ]
  for (const [name, headings, object] of places)
    sameKeys(
      t,
      name,
      headings.flatMap((each) => table(each)),
      object,
    )
  t.end()
})

void t.test('every key of host and its default', (t) => {
  const page = read('provisioning.md')
  const at = (object: Schema | undefined, key: string): Schema | undefined => object?.properties?.[key]
  const host = at(schema, 'host')
  const uplink = at(host, 'uplinks')?.additionalProperties
  const lan = at(host, 'lan')
  const places: [string, Schema | undefined][] = [
    ['Keys of `host`', host],
    ['Keys of an uplink', uplink === false ? undefined : uplink],
    ['Keys of `mptcp`', at(host, 'mptcp')],
    ['Keys of `limits`', at(at(host, 'mptcp'), 'limits')],
    ['Keys of `lan`', lan],
    ['Keys of `exclude`', at(lan, 'exclude')],
    ['Keys of `numbers`', at(host, 'numbers')],
  ]
  for (const [heading, object] of places) sameKeys(t, heading, table(heading, page), object)
  t.end()
})

/** A later row may say of a key what is special about it here. */
function sameKeys(t: Test, name: string, table: string[][], object: Schema | undefined): void {
  const wanted = keys(object)
  const rows = new Map(table.map(([key = '', written]) => [key, written]))
  t.ok(wanted.size > 0, name)
  t.strictSame([...rows.keys()].sort(), [...wanted.keys()].sort(), `the keys of ${name}`)
  for (const [key, written] of rows) {
    const value = wanted.get(key)
    if (value !== undefined) t.equal(written, value, `${name}: ${key}`)
    else t.not(written, 'required', `${name}: ${key} need not be given`)
  }
}

void t.test('every error code', (t) => {
  t.strictSame(table('Error codes'), Object.entries(ERRORS))
  t.end()
})
