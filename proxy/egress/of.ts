/** The way out that a service's configuration asks for. */
import { loadPassword } from '../../src/config/load.js'
import type { UpstreamConfig, WayOutConfig } from '../../src/config/service.js'
import type { Kernel } from '../../src/kernel/kernel.js'
import type { Parts } from '../pipeline.js'
import type { Runtime } from '../runtime.js'
import { goesThroughUpstream } from './choose.js'
import { direct } from './direct.js'
import type { Egress, Upstream } from './egress.js'
import { socks5Upstream } from './socks5-upstream.js'
import { UpstreamWatch } from './upstream-watch.js'
import { whenUnreachable } from './when-unreachable.js'

/**
 * Straight, or through the next proxy where there is an upstream.
 * @param name of the service @throws {MptkError} MPTK_CONFIG_FILE
 */
export async function wayOut(
  { upstream: config, upstreamFor, egress }: WayOutConfig,
  name: string,
  runtime: Runtime,
): Promise<Pick<Parts, 'egress' | 'upstream'>> {
  const straight = direct(runtime.kernel, egress)
  if (config === undefined) return { egress: straight }
  const upstream = await upstreamOf(config, runtime.kernel)
  const watch = new UpstreamWatch(upstream, config.whenUnreachable, name, runtime)
  const through = whenUnreachable(upstream, watch, config.whenUnreachable === 'direct' ? straight : undefined)
  if (upstreamFor === undefined || upstreamFor.policy === 'all') return { egress: through, upstream: watch }
  const chosen = goesThroughUpstream(upstreamFor)
  const either: Egress = {
    name: `${through.name} for some destinations`,
    dial: (destination, options) => (chosen(destination) ? through : straight).dial(destination, options),
  }
  return { egress: either, upstream: watch }
}

/** The next proxy with what it wants to know of us. @throws {MptkError} MPTK_CONFIG_FILE */
export async function upstreamOf(config: UpstreamConfig, kernel: Kernel): Promise<Upstream> {
  if (config.username === undefined) return socks5Upstream(kernel, config)
  const password = config.password ?? (await loadPassword(config.passwordFile ?? ''))
  return socks5Upstream(kernel, config, { username: config.username, password })
}
