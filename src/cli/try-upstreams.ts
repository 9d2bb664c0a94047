/** Whether each upstream proxy of a configuration can be reached and takes our password: asked now, once. */
import { z } from 'zod'
import { upstreamOf } from '../../proxy/egress/of.js'
import { UpstreamRefused } from '../../proxy/egress/upstream-errors.js'
import { formatAddress } from '../address.js'
import type { Config } from '../config/schema.js'
import type { UpstreamConfig } from '../config/service.js'
import { describeError, MptkError } from '../errors.js'
import type { Kernel } from '../kernel/kernel.js'
import { Cancel } from '../net/cancel.js'

export interface UpstreamTrial {
  address: string
  user?: string | undefined
  /** `password` and the like: it answers, and refuses us. `unreachable`: it does not answer. */
  outcome: 'serves' | 'unreachable' | UpstreamRefused['reason']
  error?: string | undefined
}

/** Each upstream once, however many services go through it. */
export async function tryUpstreams({ services }: Config, kernel: Kernel): Promise<UpstreamTrial[]> {
  const configs = services.flatMap((service) =>
    'upstream' in service && service.upstream !== undefined ? [service.upstream] : [],
  )
  const distinct = new Map(configs.map((each) => [JSON.stringify(each), each]))
  return Promise.all([...distinct.values()].map((each) => trial(each, kernel)))
}

async function trial(config: UpstreamConfig, kernel: Kernel): Promise<UpstreamTrial> {
  const subject = {
    address: formatAddress(config.address),
    ...(config.username !== undefined && { user: config.username }),
  }
  try {
    const upstream = await upstreamOf(config, kernel)
    await upstream.probe(new Cancel())
    return { ...subject, outcome: 'serves' }
  } catch (error) {
    const outcome = error instanceof UpstreamRefused ? error.reason : 'unreachable'
    return { ...subject, outcome, error: describeError(error) }
  }
}

/** It answers, and somebody has to put something right: more than a proxy that is away or busy. */
export function isRefusal({ outcome }: UpstreamTrial): boolean {
  return outcome === 'password' || outcome === 'protocol'
}

const printed = z.object({
  upstreams: z.array(
    z.object({
      address: z.string(),
      user: z.string().optional(),
      outcome: z.enum(['serves', 'unreachable', 'limit', 'password', 'closed', 'protocol']),
      error: z.string().optional(),
    }),
  ),
})

/** What `mptk check --upstream --json` printed. @throws {MptkError} MPTK_EXEC */
export function trialsOf(stdout: string, stderr: string): UpstreamTrial[] {
  try {
    return printed.parse(JSON.parse(stdout)).upstreams
  } catch (cause) {
    throw new MptkError('MPTK_EXEC', `the upstreams could not be tried: ${stderr || stdout}`, { cause })
  }
}

/** `proxy 10.0.3.2:1080: reached, password of alice refused` */
export function trialLine({ address, user, outcome, error = '' }: UpstreamTrial): string {
  const password = user === undefined ? '' : `, password of ${user}`
  switch (outcome) {
    case 'serves':
      return `proxy ${address}: reached${password === '' ? '' : `${password} taken`}`
    case 'unreachable':
      return `proxy ${address}: not reached: ${error.replace(/^the upstream proxy \S+ cannot be reached: /, '')}`
    case 'password':
      return `proxy ${address}: reached${password === '' ? `, refused: ${error}` : `${password} refused: ${error}`}`
    default:
      return `proxy ${address}: reached, refused: ${error}`
  }
}
