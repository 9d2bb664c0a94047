/** Answers of our own to HTTP clients: a status and a line of text, then the connection ends. */

export const STATUS = {
  200: 'OK',
  204: 'No Content',
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  407: 'Proxy Authentication Required',
  421: 'Misdirected Request',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  505: 'HTTP Version Not Supported',
} as const
export type Status = keyof typeof STATUS

/** Of a refusal that is about now and not about the request (RFC 9110 §10.2.3): seconds. */
export const RETRY_LATER = { 'Retry-After': '5' } as const

export interface Answer {
  /** Further fields; Content-Length, Connection and Cache-Control are ours. */
  fields?: Record<string, string>
  /** `text/plain` unless told. */
  type?: string
  body?: string
  /** To HEAD: the body's length without the body. */
  headOnly?: boolean
}

export function encodeResponse(status: Status, answer: Answer = {}): Buffer {
  const { fields = {}, type = 'text/plain; charset=utf-8', headOnly = false } = answer
  const body = Buffer.from(answer.body ?? `${status} ${STATUS[status]}\n`)
  const all = {
    ...fields,
    ...(status !== 204 && { 'Content-Type': type, 'Content-Length': String(body.length) }),
    'Cache-Control': 'no-store',
    Connection: 'close',
  }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  const head = Buffer.from(`HTTP/1.1 ${status} ${STATUS[status]}\r\n${lines.join('')}\r\n`, 'latin1')
  return headOnly || status === 204 ? head : Buffer.concat([head, body])
}
