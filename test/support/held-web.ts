/**
 * A web server that answers nobody until as many ask as it was told, so that connections are
 * known to be open at the same time: `/held/KEY?of=N` is answered when N such requests are
 * there. A page's body follows from its key. Run as a program: `held-web.ts PORT`; it prints
 * `up` when it listens, on every address.
 */
import { createHash } from 'node:crypto'
import { createServer, type ServerResponse } from 'node:http'
import { fileURLToPath } from 'node:url'

const BODY_LENGTH = 48 * 1024

/** No two keys have the same one, and no part of it repeats. */
export function bodyOf(key: string): Buffer {
  return createHash('shake256', { outputLength: BODY_LENGTH }).update(key).digest()
}

function serve(port: number): void {
  let held: { response: ServerResponse; key: string }[] = []
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://web')
    const key = url.pathname.split('/').at(-1) ?? ''
    held.push({ response, key })
    if (held.length < Number(url.searchParams.get('of') ?? 1)) return
    const due = held
    held = []
    for (const each of due) each.response.end(bodyOf(each.key))
  })
  server.listen({ port, host: '::', backlog: 4096 }, () => console.log('up'))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) serve(Number(process.argv[2]))
