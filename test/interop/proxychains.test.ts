/** proxychains4: plain programs whose connections it redirects. */
import t from 'tap'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inOwnNetwork } from '../support/own-network.js'
import { scratchFolder } from '../support/scratch.js'
import { runTool, sha256, type ToolResult } from '../support/tools.js'
import { PORTS, startProxies, startWeb, USER, withRecord } from './setting.js'

const OPEN = `socks5 127.0.0.1 ${PORTS.open}`
const USERS = `socks5 127.0.0.1 ${PORTS.users} ${USER.name} ${USER.password}`

if (inOwnNetwork(t, import.meta.url)) {
  await t.test('proxychains4', async (t) => {
    const web = await startWeb(t)
    const proxy = await startProxies(t)
    const file = join(scratchFolder(t), 'proxychains.conf')
    const url = `http://127.0.0.1:${PORTS.web}${web.big.path}`

    const through = (proxies: string[]): Promise<ToolResult> => {
      writeFileSync(file, ['strict_chain', 'proxy_dns', '[ProxyList]', ...proxies, ''].join('\n'))
      return runTool('proxychains4', ['-q', '-f', file, 'curl', '--silent', '--fail', url])
    }

    for (const [service, proxies] of [
      ['open', [OPEN]],
      ['users', [USERS]],
      ['users', [OPEN, USERS]],
    ] as const) {
      const { got, record } = await withRecord(proxy, service, () => through([...proxies]))
      t.equal(got.code, 0, `${proxies.length} proxies: ${got.stderr}`)
      t.equal(sha256(got.stdout), web.big.hash, 'the right bytes')
      t.ok((record?.down ?? 0) > web.big.size, 'they came through the proxy')
    }
    const wrong = await through([`socks5 127.0.0.1 ${PORTS.users} ${USER.name} wrong`])
    t.not(wrong.code, 0, 'a wrong password')
    t.equal(wrong.stdout.length, 0)
  })
}
