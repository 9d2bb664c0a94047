/** What the proxy that runs here says of itself: its status address, asked and put in a few lines. */
import { z } from 'zod'
import { formatAddress, type SocketAddress } from '../address.js'
import { DEFAULT_CONFIG } from '../config/defaults.js'
import { checkConfig, loadConfig } from '../config/load.js'
import { describeError } from '../errors.js'

/** Milliseconds. */
const PATIENCE = 3000

/** What we make use of; whatever else there is stays as it came. */
const status = z.looseObject({
  version: z.string(),
  services: z.array(
    z.looseObject({
      name: z.string(),
      egress: z.string(),
      listeners: z.array(z.looseObject({ address: z.string(), protocol: z.string() })),
      upstream: z
        .looseObject({
          address: z.string(),
          state: z.string(),
          since: z.string().optional(),
          error: z.string().optional(),
          refused: z.looseObject({ reason: z.string(), since: z.string(), error: z.string() }).optional(),
        })
        .optional(),
    }),
  ),
  uplinks: z
    .array(
      z.looseObject({
        name: z.string(),
        role: z.string(),
        state: z.string(),
        since: z.string(),
        addresses: z.array(z.string()),
      }),
    )
    .optional(),
  sessionCount: z.number(),
})

export interface Running {
  url: string
  status?: z.output<typeof status>
  /** Why there is none. */
  error?: string
}

/** Asks the address; never throws. */
export async function askRunning(at: SocketAddress): Promise<Running> {
  const url = `http://${formatAddress(reachable(at))}/status`
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(PATIENCE), redirect: 'error' })
    const found = status.safeParse(await answer.json())
    return found.success ? { url, status: found.data } : { url, error: 'another program answers there' }
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
    return {
      url,
      error: error instanceof SyntaxError ? 'another program answers there' : describeError(cause),
    }
  }
}

/** The one of a configuration that is in force here, else the one of `mptk run` without any. */
export async function statusAddress(configFile: string | undefined): Promise<SocketAddress> {
  const config = configFile === undefined ? undefined : await loadConfig(configFile).catch(() => undefined)
  const listen = (config ?? checkConfig(DEFAULT_CONFIG, 'default configuration')).status?.listen
  return listen ?? { address: '127.0.0.1', port: 9400 }
}

/** A listener on all addresses is asked on this one. */
function reachable({ address, port }: SocketAddress): SocketAddress {
  if (address === '0.0.0.0') return { address: '127.0.0.1', port }
  return address === '::' ? { address: '::1', port } : { address, port }
}

export function runningText({ url, status, error }: Running): string {
  if (status === undefined) return `no proxy answers at ${url}: ${error ?? ''}\n`
  const { version, services, uplinks = [], sessionCount } = status
  const sessions = `${sessionCount} session${sessionCount === 1 ? '' : 's'}`
  const lines = [`mptk ${version} is running: ${sessions} (${url})`]
  for (const { name, role, state, since, addresses } of uplinks) {
    lines.push(`  uplink ${name}: ${state} since ${since}, ${role}, ${addresses.join(', ') || 'no address'}`)
  }
  for (const { name, listeners, egress, upstream } of services) {
    const at = listeners.map(({ address, protocol }) => `${address} (${protocol})`).join(', ')
    lines.push(`  ${name}: ${at} → ${egress}`)
    if (upstream === undefined) continue
    const { address, state, since, error, refused } = upstream
    const because = error === undefined ? '' : `: ${error}`
    lines.push(`    upstream ${address}: ${state}${since === undefined ? '' : ` since ${since}`}${because}`)
    if (refused !== undefined) {
      lines.push(
        `    upstream ${address}: refused: ${refused.reason} since ${refused.since}: ${refused.error}`,
      )
    }
  }
  return `${lines.join('\n')}\n`
}
