/** MPTCP endpoints, as iproute2 lists them: its JSON has a flag as a key. */
import { z } from 'zod'
import type { Runner } from '../../src/exec.js'
import type { EndpointFlag } from '../../src/kernel/kernel.js'
import type { HostFacts } from '../facts.js'
import { parseAnswer } from './json.js'

const FLAGS: readonly EndpointFlag[] = ['signal', 'subflow', 'backup', 'fullmesh', 'implicit', 'laminar']

const endpoint = z
  .looseObject({ id: z.int(), address: z.string(), dev: z.string().optional() })
  .transform((found) => ({
    id: found.id,
    address: found.address,
    ...(found.dev !== undefined && { device: found.dev }),
    flags: FLAGS.filter((flag) => found[flag] === true),
  }))

const LIST = ['ip', '-j', 'mptcp', 'endpoint', 'show']

/** None where the kernel or iproute2 has none. @throws {MptkError} MPTK_EXEC when the command could not be run, or is not understood */
export async function readEndpoints(runner: Runner): Promise<HostFacts['endpoints']> {
  const { stdout, exitCode } = await runner.run(LIST, { reject: false })
  return exitCode === 0 ? parseAnswer(LIST, stdout, z.array(endpoint)) : []
}
