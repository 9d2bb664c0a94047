/** Scripts that need a process of their own, with the built addon. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const file = fileURLToPath(new URL('../../../build/Release/mptk.node', import.meta.url))

/** First lines of a script that uses the addon as `native`. */
export const addon = `
import { createRequire } from 'node:module'
const native = createRequire('/')(${JSON.stringify(file)})
`

export interface Ended {
  code: number | null
  signal: NodeJS.Signals | null
  output: string
  errors: string
}

export interface ScriptOptions {
  /** Limit on open descriptors. */
  descriptors?: number
  /** A shared library that replaces system calls. */
  preload?: string
  environment?: Record<string, string>
  /** Called with each line the script prints. */
  onLine?(line: string): void
}

/** Runs an ES module under this Node and waits for its end. */
export function runScript(script: string, options: ScriptOptions = {}): Promise<Ended> {
  const limit = options.descriptors === undefined ? '' : `ulimit -n ${options.descriptors} && `
  const child = spawn('sh', ['-c', `${limit}exec "$@"`, 'sh', process.execPath, '--input-type=module', '-'], {
    env: {
      PATH: process.env['PATH'],
      ...options.environment,
      ...(options.preload !== undefined && { LD_PRELOAD: options.preload }),
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  return new Promise((resolve, reject) => {
    const ended: Ended = { code: null, signal: null, output: '', errors: '' }
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      ended.output += text
      for (const line of text.split('\n').filter((each) => each !== '')) options.onLine?.(line)
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => (ended.errors += text))
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ ...ended, code, signal }))
    child.stdin.end(script)
  })
}
