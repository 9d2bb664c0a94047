/**
 * A whole nftables table of ours, replaced in one transaction. nft prints a table other than it
 * was written, so the table's comment names what it was made from, and what is there is compared
 * with the same script loaded into an empty network namespace: a table that somebody changed by
 * hand is noticed, elements that programs add to its sets are not held against it.
 */
import { createHash } from 'node:crypto'
import type { Runner } from '../../src/exec.js'
import type { NftTableResource } from '../resource.js'
import type { Driver, Json } from './driver.js'

export interface NftTableState extends Record<string, Json> {
  /** `nft -s list table`: nft reads it back. */
  text: string
  /** The table's own comment. */
  comment: string | null
  /** False: not what its script makes. */
  asWritten: boolean
}

interface JsonEntry {
  [kind: string]: Json
}

/** Comment of the table itself: the only line of that indentation before the first object. */
export function commentOf(text: string): string | null {
  return /^table [^\n]*\{\n(?:\tflags [^\n]*\n)?\tcomment "([^"\n]*)"\n/.exec(text)?.[1] ?? null
}

function mark(body: string): string {
  return `mptk ${createHash('sha256').update(body).digest('hex')}`
}

/** Deletes a table whether or not it exists. */
function remove({ family, table }: NftTableResource): string {
  return `add table ${family} ${table}\ndelete table ${family} ${table}\n`
}

function scriptOf(resource: NftTableResource): string {
  const { family, table, body } = resource
  const closed = body.endsWith('\n') ? body : `${body}\n`
  return `${remove(resource)}table ${family} ${table} {\n\tcomment "${mark(body)}"\n${closed}}\n`
}

/** What changes while a table does its work. */
const FLEETING = new Set(['handle', 'packets', 'bytes', 'expires', 'used'])

function lasting(value: Json): Json {
  if (Array.isArray(value)) return value.map(lasting)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !FLEETING.has(key))
      .map(([key, each]) => [key, lasting(each)]),
  )
}

interface Listing {
  /** All of it but the elements of sets. */
  objects: string
  elements: Map<string, Set<string>>
}

/** `nft -j -s list table`. */
export function parseListing(text: string): Listing {
  const { nftables } = JSON.parse(text) as { nftables: JsonEntry[] }
  const elements = new Map<string, Set<string>>()
  const objects = nftables
    .filter((entry) => !('metainfo' in entry))
    .map((entry) => {
      const object = lasting(entry) as JsonEntry
      for (const kind of ['set', 'map']) {
        const set = object[kind]
        if (set === null || typeof set !== 'object' || Array.isArray(set)) continue
        const { elem, ...rest } = set
        const held = Array.isArray(elem) ? elem.map((each) => JSON.stringify(each)) : []
        elements.set(`${kind} ${JSON.stringify(rest['name'])}`, new Set(held))
        object[kind] = rest
      }
      return JSON.stringify(object)
    })
  return { objects: objects.join('\n'), elements }
}

/** Whether `now` is `written`, or that with more elements in its sets. */
export function growsFrom(now: Listing, written: Listing): boolean {
  if (now.objects !== written.objects) return false
  return [...written.elements].every(([set, held]) =>
    [...held].every((each) => now.elements.get(set)?.has(each) ?? false),
  )
}

async function asWritten(runner: Runner, resource: NftTableResource): Promise<boolean> {
  const list = ['nft', '-j', '-s', 'list', 'table', resource.family, resource.table]
  const [now, elsewhere] = await Promise.all([
    runner.run(list),
    runner.run(['unshare', '--net', '--', 'sh', '-c', 'nft -f - && "$@"', 'sh', ...list], {
      input: scriptOf(resource),
      reject: false,
    }),
  ])
  // no namespaces here, or interfaces that exist only in this one: the comment has to do
  if (elsewhere.exitCode !== 0) return true
  return growsFrom(parseListing(now.stdout), parseListing(elsewhere.stdout))
}

export const nftTableDriver: Driver<NftTableResource, NftTableState> = {
  kind: 'nft-table',
  async probe({ runner }, resource) {
    const { family, table, body } = resource
    const { stdout: tables } = await runner.run(['nft', 'list', 'tables'])
    if (!tables.split('\n').includes(`table ${family} ${table}`)) return null
    const { stdout } = await runner.run(['nft', '-s', 'list', 'table', family, table])
    const comment = commentOf(stdout)
    // what is left of an element's life runs down; put back, it begins again
    const text = `${stdout.replace(/ expires \w+/g, '')}\n`
    return { text, comment, asWritten: comment === mark(body) && (await asWritten(runner, resource)) }
  },
  satisfied: (state, { body }) => state !== null && state.comment === mark(body) && state.asWritten,
  conflict: (state, { family, table }) =>
    state === null || /^mptk [0-9a-f]{64}$/.test(state.comment ?? '')
      ? undefined
      : `there is an nftables table ${family} ${table} of somebody else`,
  apply(state, resource) {
    if (this.satisfied(state, resource)) return []
    return [{ argv: ['nft', '-f', '-'], input: scriptOf(resource) }]
  },
  restore: (state, resource) => [
    { argv: ['nft', '-f', '-'], input: `${remove(resource)}${state?.text ?? ''}` },
  ],
  describe: (state, { body }) => ({
    from:
      state === null ? 'absent' : state.comment === mark(body) ? 'changed by hand' : 'an earlier one of ours',
    to: `${body.trim().split('\n').length} lines`,
  }),
}
