/** The status address: /metrics for Prometheus, /status as JSON, /healthz for supervisors. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { once } from 'node:events'
import type { Registry } from 'prom-client'
import { isIP } from 'node:net'
import { formatAddress, type SocketAddress } from '../address.js'
import type { StatusConfig } from '../config/schema.js'
import { describeError, MptkError } from '../errors.js'
import { whyNotListening } from '../net/listen.js'
import { printableJson } from '../printable.js'

/**
 * Connections at a time, and how long a question may take, milliseconds: nobody who is slow or says
 * nothing keeps others from asking, and all of them fit into the reserve of descriptors.
 */
const MOST_CONNECTIONS = 16
const PATIENCE = 5000

export interface StatusServer {
  readonly address: SocketAddress
  close(): Promise<void>
}

/** How long a client may neither ask nor take anything of its answer, milliseconds. */
const SILENCE = 10_000

/** @throws {MptkError} MPTK_LISTEN */
export async function startStatusServer(
  { listen: at, names = [] }: StatusConfig,
  metrics: Registry,
  status: () => object,
  silence = SILENCE,
): Promise<StatusServer> {
  const pages = { metrics, status, names: new Set(names.map((name) => name.toLowerCase())) }
  const timeouts = { headersTimeout: PATIENCE, requestTimeout: PATIENCE, connectionsCheckingInterval: 1000 }
  const server = createServer(timeouts, (request, response) => {
    answer(request, response, pages).catch((error: unknown) => {
      response.writeHead(500, { 'content-type': 'text/plain' }).end(`${describeError(error)}\n`)
    })
  })
  server.maxConnections = MOST_CONNECTIONS
  server.listen(at.port, at.address)
  try {
    await once(server, 'listening')
  } catch (cause) {
    throw new MptkError(
      'MPTK_LISTEN',
      `cannot listen on ${formatAddress(at)} for status: ${whyNotListening(cause)}`,
      {
        cause,
      },
    )
  }
  // Node's own limits are for questions; whoever does not read the answer is closed by this one
  server.timeout = silence
  // out of descriptors: the next request may find some again
  server.on('error', () => undefined)
  const bound = server.address()
  const port = typeof bound === 'object' && bound !== null ? bound.port : at.port
  return {
    address: { address: at.address, port },
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

async function answer(request: IncomingMessage, response: ServerResponse, pages: Pages): Promise<void> {
  const page = await find(request, pages)
  response.writeHead(page.code, { 'content-type': page.type, 'cache-control': 'no-store' }).end(page.body)
}

interface Pages {
  metrics: Registry
  status: () => object
  /** In lower case. */
  names: ReadonlySet<string>
}

interface Page {
  code: number
  type: string
  body: string
}

const text = (code: number, body: string): Page => ({
  code,
  type: 'text/plain',
  body: `${body}
`,
})

async function find(request: IncomingMessage, { metrics, status, names }: Pages): Promise<Page> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return text(405, 'only GET')
  if (!mayAskBy(request.headers.host, names)) {
    return text(403, 'ask for this address by its IP address, as localhost or by a name of status.names')
  }
  switch (request.url?.split('?')[0]) {
    case '/healthz':
      return text(200, 'ok')
    case '/status':
      return {
        code: 200,
        type: 'application/json',
        body: `${printableJson(JSON.stringify(status(), null, 2))}
`,
      }
    case '/metrics':
      return { code: 200, type: metrics.contentType, body: await metrics.metrics() }
    default:
      return text(404, 'expected /status, /metrics or /healthz')
  }
}

/**
 * A page of another site must not read this through somebody's browser by a name of its own that
 * points here (DNS rebinding), on loopback or in a LAN; an IP address belongs to no site.
 */
function mayAskBy(host: string | undefined, names: ReadonlySet<string>): boolean {
  // HTTP/1.0: no browser
  if (host === undefined) return true
  const [, ipv6, name = ''] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d+)?$/.exec(host) ?? []
  if (ipv6 !== undefined) return isIP(ipv6) === 6
  return isIP(name) === 4 || name.toLowerCase() === 'localhost' || names.has(name.toLowerCase())
}
