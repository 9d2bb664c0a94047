/** MPTCP endpoints, as iproute2 lists them: its JSON has a flag as a key. */
import { z } from 'zod'
import type { Runner } from '../../src/exec.js'
import type { EndpointFlag } from '../../src/kernel/kernel.js'
import type { HostFacts } from '../facts.js'

const FLAGS: readonly EndpointFlag[] = ['signal', 'subflow', 'backup', 'fullmesh', 'implicit', 'laminar']

const endpoint = z
  .looseObject({ id: z.int(), address: z.string(), dev: z.string().optional() })
  .transform((found) => ({
    id: found.id,
    address: found.address,
    ...(found.dev !== undefined && { device: found.dev }),
    flags: FLAGS.filter((flag) => found[flag] === true),
  }))

/** None where the kernel or iproute2 has none. @throws {MptkError} MPTK_EXEC when the command could not be run */
export async function readEndpoints(runner: Runner): Promise<HostFacts['endpoints']> {
  const { stdout, exitCode } = await runner.run(['ip', '-j', 'mptcp', 'endpoint', 'show'], { reject: false })
  if (exitCode !== 0 || stdout.trim() === '') return []
  const parsed = z.array(endpoint).safeParse(JSON.parse(stdout))
  return parsed.success ? parsed.data : []
}
