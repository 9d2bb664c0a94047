/**
 * Drivers for tests of the engine alone, without root or namespaces: every sysctl and service is
 * a file of a folder, really written and really read by commands.
 */
import { join } from 'node:path'
import type { Runner } from '../../src/exec.js'
import type { DriverTable, Json, Place } from '../../provisioning/linux/driver.js'
import type {
  Command,
  Description,
  Resource,
  ServiceResource,
  SysctlResource,
} from '../../provisioning/resource.js'

export interface FileDriverOptions {
  /** Content that is somebody else's. */
  foreign?: string
  /** Takes what it is given and keeps something else, as kernels do. */
  deaf?: string
}

/** A sysctl's value, or a service's first argument, is the content of the file of its name. */
export function fileDrivers(folder: string, { foreign, deaf }: FileDriverOptions = {}): DriverTable {
  const path = (name: string) => join(folder, name)
  const write = (name: string, text: string): Command => ({
    argv: ['sh', '-c', 'cat >"$1"', 'sh', path(name)],
    input: name === deaf ? 'something else\n' : `${text}\n`,
  })
  function driver<R extends SysctlResource | ServiceResource>(
    kind: R['kind'],
    wanted: (resource: R) => string,
  ) {
    return {
      kind,
      async probe({ runner }: Place, { name }: R): Promise<Json> {
        const { stdout, exitCode } = await runner.run(['cat', path(name)], { reject: false })
        return exitCode === 0 ? stdout : null
      },
      satisfied: (state: Json, resource: R) => state === wanted(resource),
      conflict: (state: Json) =>
        typeof state === 'string' && state === foreign ? 'is somebody else’s' : undefined,
      apply: (_state: Json, resource: R) => [write(resource.name, wanted(resource))],
      restore: (state: Json, { name }: R) =>
        typeof state === 'string' ? [write(name, state)] : [{ argv: ['rm', '-f', path(name)] }],
      describe: (state: Json, resource: R) => ({
        from: typeof state === 'string' ? state : 'absent',
        to: wanted(resource),
      }),
    }
  }
  const sysctl = driver<SysctlResource>('sysctl', ({ value }) => value)
  const service = driver<ServiceResource>('service', ({ argv }) => argv[0] ?? '')
  const table: Partial<DriverTable> = { sysctl, service }
  return table as DriverTable
}

export function setting(name: string, value: string): SysctlResource {
  return { kind: 'sysctl', name, value, why: 'a test wants it' }
}

/** Outlives a reboot. */
export function program(name: string, value: string): ServiceResource {
  return { kind: 'service', name, argv: [value], listens: [], restartOn: [], capabilities: [], why: 'a test' }
}

export function describing(...resources: Resource[]): () => Promise<Description> {
  return () => Promise.resolve({ resources, notes: [], warnings: [] })
}

/** Fails, or does as told, before the first command whose words contain the text. */
export function interfering(base: Runner, text: string, before: () => Promise<void> | void): Runner {
  let done = false
  return {
    async run(argv, options) {
      if (!done && `${argv.join(' ')} ${options?.input ?? ''}`.includes(text)) {
        done = true
        await before()
      }
      return base.run(argv, options)
    },
    spawn: (argv, options) => base.spawn(argv, options),
  }
}
