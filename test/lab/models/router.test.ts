// measures
/**
 * Model 3, a LAN behind a router with two uplinks: `mptk apply` with the shipped examples on the
 * router and on the proxy; the LAN's host has MPTCP turned off and nothing set but its gateway.
 *
 * ```
 *   curl, iperf3 on lan1 ─TCP─▶ mptk on home ══wlan + cell══▶ mptk on proxy ─TCP─▶ nginx on web
 *                        ─UDP, ICMP, excluded TCP─▶ home ──wlan, masqueraded──▶
 * ```
 */
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import type { LabHost } from '../../../mininet/lab-host.js'
import type { Gotten } from '../../support/parallel-get.js'
import {
  alone,
  applied,
  asked,
  bonds,
  bondsOf,
  CONFIG,
  mptk,
  startDns,
  startModels,
  startNginx,
  type Models,
} from '../../support/models.js'
import { until } from '../../support/until.js'

const PARALLEL = 500
const HELD_PORT = 8090
/** Of curl: refused, or reset before, while or after it sends. */
const REFUSED = [7, 52, 55, 56]
const BY_PROXY = /from (10\.0\.3\.2|fd00:3::2),/
const BY_WLAN = /from (10\.0\.1\.2|fd00:1::2),/

function program(file: string, ...args: (string | number)[]): string[] {
  const path = fileURLToPath(new URL(`../../support/${file}`, import.meta.url))
  return [process.execPath, '--import', 'tsx', path, ...args.map(String)]
}

const ENV = { NODE_OPTIONS: '' }

async function iperf(host: LabHost, ...args: string[]): Promise<number> {
  const { stdout } = await host.run(['iperf3', '-J', '-R', '-t', '6', '-O', '1', ...args], {
    timeout: 60_000,
  })
  const { end } = JSON.parse(stdout) as { end: { sum_received: { bits_per_second: number } } }
  return end.sum_received.bits_per_second / 1e6
}

/** Ends the proxy's service as a crash would; returns when nobody listens in its place. */
async function crash({ lab }: Models): Promise<void> {
  const proxy = lab.host('proxy')
  await proxy.run(['sh', '-c', 'read -r pid rest </var/lib/mptk/mptk.pid && kill -9 "$pid"'])
  await until('the proxy to be gone', async () => {
    const { stdout } = await proxy.run(['ss', '-Hltn', 'sport = :1080'])
    return stdout === '' ? undefined : stdout
  })
}

/** Puts the proxy's service back, and nothing else: the router is not told. */
async function comeBack(t: Test, { lab }: Models): Promise<void> {
  const { stdout } = await mptk(lab.host('proxy'), 'apply', '--config', CONFIG)
  t.match(stdout, /^1 changed, /m, 'the proxy is there again')
}

void t.test('a LAN behind a router with WLAN and cellular', { timeout: 400_000 }, async (t) => {
  const models = await startModels(t)
  const { lab } = models
  const [lan, home, proxy, web] = ['lan1', 'home', 'proxy', 'web'].map((name) => lab.host(name)) as [
    LabHost,
    LabHost,
    LabHost,
    LabHost,
  ]
  const get = async (url: string): Promise<number> => {
    const argv = ['curl', '-sS', '--fail', '--max-time', '30', '-o', '/dev/null', url]
    return (await lan.run(argv, { reject: false })).exitCode
  }
  await startNginx(models)
  await startDns(models, [
    ['site.example.org', '10.0.3.3'],
    ['bank.example.org', '10.0.3.5'],
    ['bank.example.org', 'fd00:3::5'],
  ])
  const far = await applied(t, proxy, 'proxy')
  const near = await applied(t, home, 'router')

  await t.test('gets what both uplinks carry', async (t) => {
    const server = web.spawn(['iperf3', '-s', '--forceflush'])
    let measured = 0
    // it says so before each test, and refuses whoever comes before it is done with the last one
    const listening = (): number => server.lines.filter((line) => line.includes('Server listening')).length
    const measure = async (): Promise<number> => {
      await until('iperf3 to listen', () => (listening() > measured ? undefined : 'busy'))
      measured++
      return iperf(lan, '-c', '10.0.3.3')
    }
    const paths = await alone(home)
    await bonds(t, lan, 'curl over IPv4', paths, ['curl', 'http://10.0.3.3/file'])
    await bonds(t, lan, 'curl over IPv6', paths, ['curl', 'http://[fd00:3::3]/file'])
    await bondsOf(t, 'iperf3', paths, measure)
  })

  await t.test(`has ${PARALLEL} connections open at the same time, over IPv4 and IPv6`, async (t) => {
    await web.spawn(program('held-web.ts', HELD_PORT), { env: ENV }).waitForLine(/^up/)
    const origins = ['10.0.3.3', '[fd00:3::3]'].map((each) => `http://${each}:${HELD_PORT}`)
    const argv = program('parallel-get.ts', PARALLEL, ...origins)
    const { stdout } = await lan.run(argv, { env: ENV, timeout: 120_000 })
    t.strictSame(JSON.parse(stdout), { right: PARALLEL, wrong: {} } satisfies Gotten)
  })

  await t.test('asks the router for names; excluded ones go past the proxy', async (t) => {
    t.match(await asked(models, () => get('http://site.example.org/page.html')), [BY_PROXY])
    t.match(await asked(models, () => get('http://bank.example.org/page.html')), [
      /^bank.* from (10\.0\.1\.2|fd00:1::2),/,
    ])
    t.match(
      await asked(models, () => get('http://10.0.3.5/page.html')),
      [BY_WLAN],
      'whoever learned the address',
    )
  })

  await t.test('what is not TCP goes out by the best uplink', async (t) => {
    for (const to of ['10.0.3.3', 'fd00:3::3']) {
      t.equal((await lan.run(['ping', '-n', '-c', '1', '-W', '5', to], { reject: false })).exitCode, 0, to)
    }
  })

  await t.test('is refused while the proxy cannot be reached, and goes on when it is back', async (t) => {
    await crash(models)
    const codes: number[] = []
    const lines = await asked(models, async () => {
      for (const url of ['http://10.0.3.3/page.html', 'http://[fd00:3::3]/page.html'])
        codes.push(await get(url))
    })
    t.ok(
      codes.every((code) => REFUSED.includes(code)),
      `curl ends with ${codes.join(', ')}`,
    )
    t.strictSame(lines, [], 'and nothing gets past it')
    await comeBack(t, models)
    await until('a page', async () =>
      (await get('http://10.0.3.3/page.html')) === 0 ? undefined : 'refused',
    )
    t.match(await asked(models, () => get('http://[fd00:3::3]/page.html')), [BY_PROXY])
  })

  await t.test('goes past the proxy meanwhile where told to', async (t) => {
    await home.run(['sed', '-i', 's/whenUnreachable: refuse/whenUnreachable: direct/', CONFIG])
    await mptk(home, 'apply', '--config', CONFIG)
    t.match(await asked(models, () => get('http://10.0.3.3/page.html')), [BY_PROXY])
    await crash(models)
    t.match(await asked(models, () => get('http://10.0.3.3/page.html')), [BY_WLAN], 'directly')
    await comeBack(t, models)
    await until('the proxy is taken again', async () => {
      const [line = ''] = await asked(models, () => get('http://10.0.3.3/page.html'))
      return BY_PROXY.test(line) ? undefined : line
    })
    await home.run(['sed', '-i', 's/whenUnreachable: direct/whenUnreachable: refuse/', CONFIG])
  })

  await near.revert()
  await far.revert()
})
