/**
 * The kernel interface in another process: in a network namespace, as another user, or with
 * a library preloaded. The test holds a {@link KernelChild}; this same file, run as a
 * program, is the child and answers one JSON line for each it reads.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import type { SocketAddress } from '../../src/address.js'
import type { Kernel, SocketWish } from '../../src/kernel/kernel.js'
import type { Connection } from '../../src/net/connection.js'

const FILE = fileURLToPath(import.meta.url)
const ROOT = fileURLToPath(new URL('../..', import.meta.url))

interface Calls {
  /** Opens, binds, listens; connections are accepted as they come. */
  listen(at: SocketAddress, wish: SocketWish): { port: number; protocol: string; reason?: string }
  /** The next accepted connection. */
  accepted(): Promise<number>
  connect(to: SocketAddress, wish: SocketWish): Promise<number>
  write(fd: number, text: string): Promise<void>
  /** Some bytes as text; undefined at the end of the stream. */
  read(fd: number): Promise<string | undefined>
  close(fd: number): void
  getName(fd: number, option: number): string
}

/** Every method of the kernel and of the child itself, awaited. */
type Remote<T> = {
  [K in keyof T as T[K] extends (...args: never[]) => unknown ? K : never]: T[K] extends (
    ...args: infer A
  ) => infer R
    ? (...args: A) => Promise<Awaited<R>>
    : never
}

export type RemoteKernel = Remote<Kernel> & Remote<Calls> & { flavour(): Promise<string> }

export interface ChildOptions {
  /** Words before the command: `ip netns exec …`. */
  prefix?: string[]
  env?: Record<string, string>
}

/** The two ways to find out that a wish cannot be granted. */
export function attempts(kernel: RemoteKernel): ((wish: SocketWish) => Promise<unknown>)[] {
  return [(wish) => kernel.check(wish), (wish) => kernel.openSocket(4, wish)]
}

interface Answer {
  result?: unknown
  error?: { message: string; code?: string; name: string }
}

/** Starts the child; it ends with the test. */
export function kernelChild(t: Test, options: ChildOptions = {}): RemoteKernel {
  // the library must reach node, not the commands of the prefix before it
  const extra = Object.entries(options.env ?? {}).map(([key, value]) => `${key}=${value}`)
  // what the test runner adds to every child stays out: it writes files, which another user may not
  const clean = ['env', '-u', 'NODE_OPTIONS', ...extra]
  const words = [...(options.prefix ?? []), ...clean, process.execPath, '--import', 'tsx', FILE]
  const [command = '', ...args] = words
  const child = spawn(command, args, { cwd: ROOT, stdio: ['pipe', 'pipe', 'inherit'] })
  t.teardown(() => end(child))
  const waiting: ((answer: Answer) => void)[] = []
  createInterface({ input: child.stdout }).on('line', (line) => waiting.shift()?.(JSON.parse(line) as Answer))
  child.on('exit', (code) => {
    for (const each of waiting.splice(0))
      each({ error: { name: 'Error', message: `child ended with ${code}` } })
  })
  return new Proxy({} as RemoteKernel, {
    get: (_target, method: string) =>
      // a promise must not look at this as if it were one
      method === 'then'
        ? undefined
        : (...args: unknown[]) =>
            new Promise((resolve, reject) => {
              waiting.push(({ result, error }) => {
                if (error === undefined) resolve(result)
                else reject(Object.assign(new Error(error.message), { code: error.code, name: error.name }))
              })
              child.stdin.write(`${JSON.stringify([method, ...args])}\n`)
            }),
  })
}

function end(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve()
    else child.on('exit', () => resolve())
    child.stdin?.end()
  })
}

/** The child's side: calls are answered in the order they came. */
async function serve(): Promise<void> {
  const { detectKernel } = await import('../../src/kernel/detect.js')
  const { native } = await import('../../src/native.js')
  const { connect } = await import('../../src/net/dial.js')
  const { listen } = await import('../../src/net/listen.js')
  const kernel = detectKernel()
  const connections = new Map<number, Connection>()
  const arrived: number[] = []
  let wanted: ((fd: number) => void) | undefined
  const connectionOf = (fd: number): Connection => {
    const connection = connections.get(fd)
    if (connection === undefined) throw new Error(`no connection ${fd}`)
    return connection
  }

  const calls: Calls & { flavour(): string } = {
    flavour: () => kernel.flavour,
    listen(at, wish) {
      const listener = listen(kernel, at, wish, {
        onConnection(connection) {
          connections.set(connection.fd, connection)
          if (wanted === undefined) arrived.push(connection.fd)
          else wanted(connection.fd)
          wanted = undefined
        },
        onError(error) {
          throw error
        },
      })
      return { port: listener.address.port, ...listener.opened }
    },
    accepted() {
      const fd = arrived.shift()
      return fd === undefined ? new Promise((resolve) => (wanted = resolve)) : Promise.resolve(fd)
    },
    async connect(to, wish) {
      const connection = await connect(kernel, to, wish, AbortSignal.timeout(20_000))
      connections.set(connection.fd, connection)
      return connection.fd
    },
    write: (fd, text) => connectionOf(fd).write(Buffer.from(text)),
    read: async (fd) => (await connectionOf(fd).read())?.toString(),
    close(fd) {
      const connection = connections.get(fd)
      connections.delete(fd)
      if (connection === undefined) native.close(fd)
      else connection.close()
    },
    getName: (fd, option) => native.getOption(fd, 6, option, 16).toString('latin1').replace(/\0.*$/s, ''),
  }

  for await (const line of createInterface({ input: process.stdin })) {
    const [method, ...args] = JSON.parse(line) as [string, ...unknown[]]
    process.stdout.write(`${JSON.stringify(await answer(method, args))}\n`)
  }
  process.exit(0)

  async function answer(method: string, args: unknown[]): Promise<Answer> {
    try {
      const target: object = method in calls ? calls : kernel
      const call = (target as Record<string, unknown>)[method]
      if (typeof call !== 'function') throw new Error(`no method ${method}`)
      return { result: await (call.apply(target, args) as unknown) }
    } catch (error) {
      const { message, name, code } = error as Error & { code?: string }
      return { error: { message, name, ...(code !== undefined && { code }) } }
    }
  }
}

if (process.argv[1] === FILE) await serve()
