/** The status address: /metrics for Prometheus, /status as JSON, /healthz for supervisors. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { once } from 'node:events'
import type { Registry } from 'prom-client'
import { formatAddress, isLoopback, type SocketAddress } from '../address.js'
import { describeError, MptkError } from '../errors.js'
import { whyNotListening } from '../net/listen.js'

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
  at: SocketAddress,
  metrics: Registry,
  status: () => object,
  silence = SILENCE,
): Promise<StatusServer> {
  const timeouts = { headersTimeout: PATIENCE, requestTimeout: PATIENCE, connectionsCheckingInterval: 1000 }
  const server = createServer(timeouts, (request, response) => {
    answer(request, response, metrics, status).catch((error: unknown) => {
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

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  metrics: Registry,
  status: () => object,
): Promise<void> {
  const page = await find(request, metrics, status)
  response.writeHead(page.code, { 'content-type': page.type, 'cache-control': 'no-store' }).end(page.body)
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

async function find(request: IncomingMessage, metrics: Registry, status: () => object): Promise<Page> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return text(405, 'only GET')
  // a page of another site must not read this through the browser by a name that points at loopback
  if (isLoopback(request.socket.localAddress ?? '') && !isLocalHost(request.headers.host)) {
    return text(403, 'ask for this address by its IP address or as localhost')
  }
  switch (request.url?.split('?')[0]) {
    case '/healthz':
      return text(200, 'ok')
    case '/status':
      return {
        code: 200,
        type: 'application/json',
        body: `${JSON.stringify(status(), null, 2)}
`,
      }
    case '/metrics':
      return { code: 200, type: metrics.contentType, body: await metrics.metrics() }
    default:
      return text(404, 'expected /status, /metrics or /healthz')
  }
}

function isLocalHost(host: string | undefined): boolean {
  return host === undefined || /^(localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/i.test(host)
}
