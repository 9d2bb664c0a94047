/**
 * Asks a {@link file://./held-web.ts} for many pages at once, over a connection each. Run as a
 * program: `parallel-get.ts COUNT ORIGIN…`, the pages dealt out to the origins in turn; prints
 * {@link Gotten} as JSON. When one goes wrong the others are given up: they would be held for ever.
 */
import { setMaxListeners } from 'node:events'
import { get } from 'node:http'
import { fileURLToPath } from 'node:url'
import { bodyOf } from './held-web.js'

export interface Gotten {
  right: number
  /** What went wrong, and how often. */
  wrong: Record<string, number>
}

async function main(count: number, origins: string[]): Promise<Gotten> {
  const failure = new AbortController()
  setMaxListeners(count, failure.signal)
  const began = performance.now()
  const pages = Array.from({ length: count }, async (_, n) => {
    const answer = await page(origins[n % origins.length] ?? '', `p${n}`, count, failure.signal)
    if (answer === 'right' || failure.signal.aborted) return answer
    failure.abort()
    return `${answer} after ${Math.round(performance.now() - began)} ms`
  })
  const said = await Promise.all(pages)
  const wrong: Record<string, number> = {}
  for (const each of said) if (each !== 'right') wrong[each] = (wrong[each] ?? 0) + 1
  return { right: said.filter((each) => each === 'right').length, wrong }
}

function page(origin: string, key: string, count: number, signal: AbortSignal): Promise<string> {
  return new Promise((resolve) => {
    const request = get(`${origin}/held/${key}?of=${count}`, { agent: false, signal }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (bytes: Buffer) => chunks.push(bytes))
      response.on('error', (error) => resolve(error.message))
      response.on('end', () => resolve(Buffer.concat(chunks).equals(bodyOf(key)) ? 'right' : 'another body'))
    })
    request.on('error', (error) => resolve(error.message))
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [count = '1', ...origins] = process.argv.slice(2)
  console.log(JSON.stringify(await main(Number(count), origins)))
}
