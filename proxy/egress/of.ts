/** The way out that a service's configuration asks for. */
import { loadPassword } from '../../src/config/load.js'
import type { EgressConfig, UpstreamConfig } from '../../src/config/service.js'
import type { Kernel } from '../../src/kernel/kernel.js'
import { direct } from './direct.js'
import type { Egress } from './egress.js'
import { socks5Upstream } from './socks5-upstream.js'

/** Straight, or through the next proxy where there is an upstream. @throws {MptkError} MPTK_CONFIG_FILE */
export async function egressOf(
  config: { upstream?: UpstreamConfig | undefined; egress: EgressConfig },
  kernel: Kernel,
): Promise<Egress> {
  const { upstream } = config
  if (upstream === undefined) return direct(kernel, config.egress)
  if (upstream.username === undefined) return socks5Upstream(kernel, upstream)
  const password = upstream.password ?? (await loadPassword(upstream.passwordFile ?? ''))
  return socks5Upstream(kernel, upstream, { username: upstream.username, password })
}
