import type { Egress, Upstream } from './egress.js'
import { UpstreamRefusal } from '../socks5/client.js'
import { UpstreamRefused, UpstreamUnreachable } from './upstream-errors.js'
import type { UpstreamWatch } from './upstream-watch.js'

/**
 * Goes through the upstream, and where that is out of reach, straight or nowhere. While it is
 * known to be down nobody waits for it again. What the upstream says stands, of a destination as
 * of us: a refusal never makes a connection go straight.
 * @param straight undefined for the kill switch: then connections fail at once
 */
export function whenUnreachable(upstream: Upstream, watch: UpstreamWatch, straight?: Egress): Egress {
  return {
    name: straight === undefined ? upstream.name : `${upstream.name}, else ${straight.name}`,
    async dial(destination, options) {
      const started = performance.now()
      let failure = watch.failure
      if (failure === undefined) {
        try {
          const reached = await upstream.dial(destination, options)
          watch.succeeded()
          return reached
        } catch (error) {
          if (error instanceof UpstreamRefused) watch.refused(error)
          else if (error instanceof UpstreamRefusal) watch.succeeded()
          if (!(error instanceof UpstreamUnreachable)) throw error
          watch.failed(error, started)
          failure = error
        }
      } else if (straight === undefined) options.admit(false)
      const timeout = options.timeout - (performance.now() - started)
      if (straight === undefined || timeout <= 0) throw failure
      return straight.dial(destination, { ...options, timeout })
    },
  }
}
