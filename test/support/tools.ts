/** Programs not written here: run to their end, or kept running for a test. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { execa } from 'execa'
import type { Test } from 'tap'
import { until } from './until.js'

/** No tool takes a tenth of this here, milliseconds. */
const PATIENCE = 60_000

export interface ToolResult {
  code: number | undefined
  stdout: Buffer
  stderr: string
}

export interface ToolOptions {
  /** Standard input, which ends after it; empty unless told. */
  input?: Uint8Array | string
  env?: Record<string, string>
}

// the test runner's own preloads must not come along
const ENVIRONMENT = { NODE_OPTIONS: '', LC_ALL: 'C' }

/** Runs a program to its end, whatever its exit code. @throws when it is missing, hangs, or dies of a signal */
export async function runTool(tool: string, args: string[], options: ToolOptions = {}): Promise<ToolResult> {
  const { input = '', env = {} } = options
  const result = await execa(tool, args, {
    input,
    env: { ...ENVIRONMENT, ...env },
    encoding: 'buffer',
    reject: false,
    timeout: PATIENCE,
    stripFinalNewline: false,
  })
  if (result.code === 'ENOENT') throw missing(tool)
  const stderr = Buffer.from(result.stderr).toString()
  if (result.timedOut || result.signal !== undefined) {
    throw new Error(`${tool} ${args.join(' ')}: ${result.signal ?? 'hangs'}: ${stderr}`)
  }
  return { code: result.exitCode, stdout: Buffer.from(result.stdout), stderr }
}

/** Starts a server in the foreground, returns when its port answers, and ends it with the test. */
export async function startServer(t: Test, tool: string, args: string[], port: number): Promise<void> {
  const server = execa(tool, args, { env: ENVIRONMENT, reject: false, stdin: 'ignore', all: true })
  t.teardown(async () => {
    server.kill('SIGTERM')
    await server
  })
  let ended: string | undefined
  void server.then(({ code, all }) => (ended = code === 'ENOENT' ? missing(tool).message : `ended: ${all}`))
  await until(`${tool} answers on port ${port}`, async () => {
    if (ended !== undefined) throw new Error(`${tool} ${ended}`)
    const socket = connect({ port, host: '127.0.0.1' })
    try {
      await once(socket, 'connect')
      return undefined
    } catch {
      return 'refused'
    } finally {
      socket.destroy()
    }
  })
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

function missing(tool: string): Error {
  return new Error(`${tool} is not installed: run scripts/install-lab-tools.sh as root`)
}
