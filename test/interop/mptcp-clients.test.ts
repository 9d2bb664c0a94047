/** Programs that speak MPTCP to the proxy themselves, by mptcpize; nginx behind the reverse proxy. */
import t, { type Test } from 'tap'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { BuiltProxy } from '../support/built-proxy.js'
import { inOwnNetwork } from '../support/own-network.js'
import { runTool, sha256, type ToolResult } from '../support/tools.js'
import { PORTS, startProxies, startWeb, withRecord, type Web } from './setting.js'

interface Status {
  sessions: {
    service: string
    client: { protocol: string; token?: number; subflows: { state: string }[] }
    remote?: { protocol: string; reason?: string }
  }[]
}

/** A web server whose answers the test gives: resolves with the next request's. */
async function startHolding(t: Test): Promise<() => Promise<ServerResponse>> {
  const server = createServer()
  server.listen(PORTS.echo, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return async () => {
    const [, response] = (await once(server, 'request')) as [unknown, ServerResponse]
    return response
  }
}

async function checkVerdict(t: Test, proxy: BuiltProxy): Promise<void> {
  const holding = await startHolding(t)
  const curl = ['curl', '--silent', '--fail', '--socks5', `127.0.0.1:${PORTS.open}`]
  const url = `http://127.0.0.1:${PORTS.echo}/`
  for (const [words, protocol] of [
    [['mptcpize', 'run', ...curl], 'mptcp'],
    [curl, 'tcp'],
  ] as const) {
    const [tool = '', ...args] = words
    const { got, record } = await withRecord(proxy, 'open', async () => {
      const arrived = holding()
      const running = runTool(tool, [...args, url])
      const response = await Promise.race([arrived, endsEarly(running)])
      const { sessions } = JSON.parse(await proxy.page('/status')) as Status
      const [session] = sessions
      t.equal(sessions.length, 1, 'one session in progress')
      t.equal(session?.client.protocol, protocol, `${tool}: the client's side is ${protocol}`)
      t.match(session?.client.subflows, [{ state: 'established' }])
      t.equal(typeof session?.client.token, protocol === 'mptcp' ? 'number' : 'undefined')
      t.match(session?.remote, { protocol: 'tcp' }, "the destination's side is TCP")
      response.end('done')
      return running
    })
    t.equal(got.stdout.toString(), 'done', got.stderr)
    t.match(record, { client: { protocol }, outcome: 'eof' })
  }
}

async function endsEarly(running: Promise<ToolResult>): Promise<never> {
  const { code, stderr } = await running
  throw new Error(`the client ended with ${code} before its request arrived: ${stderr}`)
}

async function checkReverse(t: Test, proxy: BuiltProxy, web: Web): Promise<void> {
  const curl = ['curl', '--silent', '--fail', `http://127.0.0.1:${PORTS.reverse}${web.big.path}`]
  for (const [words, protocol] of [
    [curl, 'tcp'],
    [['mptcpize', 'run', ...curl], 'mptcp'],
  ] as const) {
    const [tool = '', ...args] = words
    const { got, record } = await withRecord(proxy, 'reverse', () => runTool(tool, [...args]))
    t.equal(got.code, 0, `${tool}: ${got.stderr}`)
    t.equal(sha256(got.stdout), web.big.hash, 'the right bytes')
    t.match(record, { client: { protocol }, outcome: 'eof' })
  }
}

if (inOwnNetwork(t, import.meta.url)) {
  await t.test('MPTCP clients', async (t) => {
    const web = await startWeb(t)
    const proxy = await startProxies(t)
    await t.test('straight to the SOCKS5 listener', (t) => checkVerdict(t, proxy))
    await t.test('nginx behind the reverse proxy', (t) => checkReverse(t, proxy, web))
  })
}
