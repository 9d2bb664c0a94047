/** Builds the load tool and the preload, and runs the tool's commands. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { Program } from './programs.js'

const CFLAGS = ['-std=gnu11', '-O2', '-Wall', '-Wextra', '-Werror']

export interface Tools {
  load: string
  /** Shared object that makes a rival's listener, and nothing else of it, MPTCP. */
  preload: string
}

/** Compiles with gcc into the directory. @throws with the compiler's words */
export async function buildTools(directory: string): Promise<Tools> {
  const source = join(import.meta.dirname, 'load')
  const files = (await readdir(source))
    .filter((name) => name.endsWith('.c'))
    .map((name) => join(source, name))
  const tools = { load: join(directory, 'load'), preload: join(directory, 'listen-mptcp.so') }
  await execa('gcc', [...CFLAGS, '-pthread', ...files, '-o', tools.load])
  const preload = join(import.meta.dirname, 'listen-mptcp.c')
  await execa('gcc', [...CFLAGS, '-shared', '-fPIC', preload, '-o', tools.preload])
  return tools
}

/** Where the client connects: a proxy's port on loopback, and for SOCKS5 the destination to ask for. */
export interface Route {
  port: number
  socksTo?: number
  mptcp: boolean
}

function routeFlags({ port, socksTo, mptcp }: Route): string[] {
  return [
    '--via',
    `127.0.0.1:${port}`,
    ...(socksTo === undefined ? [] : ['--socks', `127.0.0.1:${socksTo}`]),
    ...(mptcp ? ['--mptcp'] : []),
  ]
}

/** Runs one client command to its end. @throws with the tool's own words */
async function client(tools: Tools, args: string[]): Promise<unknown> {
  const { stdout, stderr, failed } = await execa(tools.load, args, { reject: false })
  if (failed) throw new Error(stderr.trim())
  return JSON.parse(stdout)
}

export interface BulkResult {
  bytes: number
  seconds: number
}

/** Moves exactly that many bytes, or throws. `up` is from the client to the server. */
export async function bulk(
  tools: Tools,
  route: Route,
  direction: 'up' | 'down',
  bytes: number,
  streams: number,
): Promise<BulkResult> {
  const command = direction === 'up' ? 'send' : 'fetch'
  const flags = [...routeFlags(route), '--bytes', String(bytes), '--streams', String(streams)]
  return (await client(tools, [command, ...flags])) as BulkResult
}

export interface StormResult {
  connections: number
  failures: number
  seconds: number
  /** From connect to the echoed byte, seconds. */
  p50: number
  p99: number
  /** The first failure's reason, or empty. */
  failure: string
}

export async function storm(
  tools: Tools,
  route: Route,
  count: number,
  parallel: number,
): Promise<StormResult> {
  const flags = [...routeFlags(route), '--count', String(count), '--parallel', String(parallel)]
  return (await client(tools, ['storm', ...flags])) as StormResult
}

/** A client that opens connections in steps; each line() of it is a step reached, each writeLine() asks for the next. */
export function hold(tools: Tools, route: Route, steps: readonly number[]): Promise<Program> {
  return Program.start('load hold', {
    argv: [tools.load, 'hold', ...routeFlags(route), '--steps', steps.join(',')],
  })
}

export interface Server {
  program: Program
  port: number
}

export type Service = { sink: number } | { source: number } | 'echo'

/** The far end: it takes or sends that many bytes on each connection, or echoes. */
export async function serve(tools: Tools, service: Service): Promise<Server> {
  const words =
    service === 'echo' ? [service] : Object.entries(service).flatMap(([what, bytes]) => [what, String(bytes)])
  const program = await Program.start('load serve', { argv: [tools.load, 'serve', ...words] })
  return { program, port: Number(await program.line()) }
}
