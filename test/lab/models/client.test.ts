// measures
/**
 * Model 2, a laptop with two uplinks: `mptk apply` with the shipped examples on the laptop and on
 * the proxy, programs that know nothing of MPTCP, and everything back as it was.
 *
 * ```
 *   curl, Chromium ─TCP─▶ mptk on home ══wlan + cell══▶ mptk on proxy ─TCP─▶ nginx on web
 * ```
 */
import t from 'tap'
import { openBrowserIn } from '../../support/chromium.js'
import {
  alone,
  applied,
  bonds,
  received,
  seenByWeb,
  startDns,
  startModels,
  startNginx,
} from '../../support/models.js'

const SITE = 'http://site.example.org'

void t.test('a laptop with WLAN and cellular', { timeout: 300_000 }, async (t) => {
  const models = await startModels(t)
  const { lab } = models
  const [home, proxy] = [lab.host('home'), lab.host('proxy')]
  await startNginx(models)
  await startDns(models, [
    ['site.example.org', '10.0.3.3'],
    ['six.example.org', 'fd00:3::3'],
  ])
  const far = await applied(t, proxy, 'proxy')
  const near = await applied(t, home, 'client')

  await t.test('carries what both uplinks carry', async (t) => {
    const paths = await alone(home)
    const ways = {
      SOCKS5: ['--socks5-hostname', '127.0.0.1:1080'],
      'HTTP CONNECT': ['--proxytunnel', '--proxy', 'http://127.0.0.1:8080'],
    }
    for (const [way, args] of Object.entries(ways)) {
      await bonds(t, home, way, paths, ['curl', ...args, `${SITE}/file`])
    }
  })

  await t.test('takes both uplinks to IPv6 addresses too', async (t) => {
    const bytes = await received(home, ['wlan', 'cell'], async () => {
      const argv = ['curl', '-sS', '--fail', '-o', '/dev/null', '--socks5-hostname', '127.0.0.1:1080']
      await home.run([...argv, 'http://six.example.org/small'])
    })
    for (const each of bytes) t.ok(each > 200_000, `${each} bytes`)
  })

  await t.test('a browser is pointed at it by one address', async (t) => {
    const pac = '--proxy-pac-url=http://127.0.0.1:8080/proxy.pac'
    const browser = await openBrowserIn(t, home.enter([]), pac)
    const page = await browser.open(new URL(`${SITE}/page.html`), { width: 800 })
    t.equal(await page.evaluate('document.title'), 'unaware')
    t.equal(await page.evaluate('document.querySelector("img").naturalWidth'), 64)
    const lines = (await seenByWeb(models)).filter((line) => line.startsWith('site.example.org/image.svg '))
    t.match(lines, [/ from 10\.0\.3\.2,/], 'and comes by the proxy')
  })

  await near.revert()
  await far.revert()
})
