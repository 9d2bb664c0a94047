// measures
import t from 'tap'
import { z } from 'zod'
import { Lab, readTopology } from '../../mininet/lab.js'
import type { LabHost } from '../../mininet/lab-host.js'
import type { LabProcess } from '../../mininet/lab-process.js'
import { localRunner } from '../../src/exec.js'
import { until } from '../support/until.js'

const iperfResult = z.object({
  end: z.object({ sum_received: z.object({ bits_per_second: z.number(), bytes: z.number() }) }),
})

/** TCP payload per Ethernet frame of an MTU of 1500, with timestamps. */
const PAYLOAD = 1448 / 1514

/** A client to its end, and until the server listens again: too early a next one would be turned away as busy. */
async function iperf(server: LabProcess, client: LabHost, argv: string[], prefix: string[] = []) {
  const listened = (): number => server.lines.filter((line) => line.startsWith('Server listening')).length
  const before = listened()
  const started = performance.now()
  const { stdout } = await client.run([...prefix, 'iperf3', '-J', ...argv], { timeout: 120_000 })
  const seconds = (performance.now() - started) / 1000
  await until('the server', () => (listened() > before ? undefined : 'busy'))
  const { sum_received } = iperfResult.parse(JSON.parse(stdout)).end
  return {
    megabits: sum_received.bits_per_second / 1e6,
    /** Over the whole run of the command: a receiver that begins to count late does not make it more. */
    atLeast: (sum_received.bytes * 8) / seconds / 1e6,
    bytes: sum_received.bytes,
  }
}

async function iperfServer(host: LabHost, prefix: string[] = []) {
  const server = host.spawn([...prefix, 'iperf3', '-s', '--forceflush'])
  await server.waitForLine(/Server listening/)
  return server
}

/** Everything the kernel knows of the host's addresses and routes, as comparable text. */
async function networkState(host: LabHost): Promise<string> {
  const shown = await Promise.all(
    [
      ['ip', '-o', 'address', 'show'],
      ['ip', 'route', 'show', 'table', 'all'],
      ['ip', '-6', 'route', 'show', 'table', 'all'],
      ['ip', 'rule'],
      ['ip', '-6', 'rule'],
      ['ip', 'mptcp', 'endpoint'],
    ].map((argv) => host.run(argv)),
  )
  return shown.map(({ stdout }) => stdout.split('\n').sort().join('\n')).join('\n\n')
}

void t.test('the lab of the thesis', async (t) => {
  const lab = await Lab.start(await readTopology('thesis'))
  t.teardown(() => lab.stop())
  const [client, proxy, web] = ['client', 'proxy', 'web'].map((name) => lab.host(name)) as [
    LabHost,
    LabHost,
    LabHost,
  ]

  void t.test('names its hosts, interfaces and links', async (t) => {
    t.strictSame(
      client.interfaces.map(({ name, addresses }) => [name, addresses]),
      [
        ['wlan', ['10.0.1.2/24', 'fd00:1::2/64']],
        ['cell', ['10.0.2.2/24', 'fd00:2::2/64']],
      ],
    )
    t.equal(web.address('eth0', 6), 'fd00:3::3')
    t.throws(() => lab.host('nobody'), {
      code: 'MPTK_LAB',
      message: /no host nobody; there are client, router/,
    })
    t.throws(() => client.interface('eth9'), { code: 'MPTK_LAB', message: /client has no interface eth9/ })
    t.equal((await client.run(['pwd'])).stdout, process.cwd())
    t.equal((await client.run(['ls', '/sys/class/net'])).stdout, 'cell\nlo\nwlan')
  })

  void t.test('has MPTCP off at the web server only', async (t) => {
    for (const [host, enabled] of [
      [client, '1'],
      [proxy, '1'],
      [web, '0'],
    ] as const) {
      t.equal((await host.run(['sysctl', '-n', 'net.mptcp.enabled'])).stdout, enabled, host.name)
    }
  })

  void t.test('connects everybody, by IPv4 and IPv6, over each uplink', async (t) => {
    for (const to of [web.address('eth0'), web.address('eth0', 6)]) {
      const family = to.includes(':') ? 6 : 4
      for (const uplink of ['wlan', 'cell']) {
        await client.run(['ping', '-n', '-c', '1', '-W', '5', '-I', client.address(uplink, family), to])
        t.pass(`${uplink} to ${to}`)
      }
    }
    await t.rejects(client.run(['ping', '-n', '-c', '1', '-W', '1', '10.0.3.99']), { code: 'MPTK_EXEC' })
  })

  void t.test("shapes each uplink to its rate, both ways, chosen by the source's address", async (t) => {
    const server = await iperfServer(web)
    for (const [uplink, rate] of [
      ['wlan', 20],
      ['cell', 10],
    ] as const) {
      for (const direction of [[], ['-R']]) {
        const before = await client.counters(uplink)
        const argv = ['-c', web.address('eth0'), '-B', client.address(uplink), '-n', '6M', '-C', 'cubic']
        const { megabits, atLeast, bytes } = await iperf(server, client, [...argv, ...direction])
        // The upper bound is what the link can carry; how near a busy machine comes is its own matter.
        t.ok(
          atLeast < rate * PAYLOAD * 1.05 && megabits > rate / 2,
          `${uplink}: ${megabits} of ${rate} Mbit/s, ${atLeast} with all that belongs to it`,
        )
        const after = await client.counters(uplink)
        const moved = direction.length > 0 ? after.rxBytes - before.rxBytes : after.txBytes - before.txBytes
        t.ok(moved >= bytes, `${uplink} carried it`)
      }
    }
    await server.stop()
  })

  void t.test('queues frames, not the 64 KB pieces in which TCP hands them over', async (t) => {
    for (const host of lab.hosts) {
      for (const { name } of host.interfaces) {
        const { stdout } = await host.run(['ip', '-d', 'link', 'show', 'dev', name])
        t.match(stdout, /gso_max_segs 1 /, `${host.name} ${name}`)
      }
    }
  })

  void t.test('carries one MPTCP connection over both uplinks', async (t) => {
    const server = await iperfServer(proxy, ['mptcpize', 'run'])
    const before = [await client.counters('wlan'), await client.counters('cell')]
    const argv = ['-c', proxy.address('eth0'), '-n', '8M', '-R']
    const { bytes } = await iperf(server, client, argv, ['mptcpize', 'run'])
    for (const [index, uplink] of ['wlan', 'cell'].entries()) {
      const moved = (await client.counters(uplink)).rxBytes - (before[index]?.rxBytes ?? 0)
      t.ok(moved > bytes / 10, `${uplink}: ${moved} of ${bytes} bytes`)
    }
    await server.stop()
  })

  void t.test('takes one link down and up again and leaves the other alone', async (t) => {
    const ping = (uplink: string, family: 4 | 6, patience = 20) => {
      const [from, to] = [client.address(uplink, family), web.address('eth0', family)]
      return client.run(['ping', '-n', '-c', '1', '-W', `${patience}`, '-I', from, to], { reject: false })
    }
    const before = await networkState(client)
    await lab.link('wlan').down()
    for (const family of [4, 6] as const) {
      t.not((await ping('wlan', family, 1)).exitCode, 0, `wlan is down for IPv${family}`)
      t.equal((await ping('cell', family)).exitCode, 0, `cell is up for IPv${family}`)
    }
    t.not(await networkState(client), before)
    await lab.link('wlan').down()
    await lab.link('wlan').up()
    // Link-local addresses and routes come back a moment after the interface.
    let after = ''
    await until('the state from before', async () => {
      after = await networkState(client)
      return after === before ? undefined : 'another'
    }).catch(() => undefined)
    t.equal(after, before, 'addresses, routes, rules and endpoints as before')
    for (const family of [4, 6] as const) t.equal((await ping('wlan', family)).exitCode, 0)
  })

  void t.test('changes rate and queue while running', async (t) => {
    const server = await iperfServer(web)
    const argv = ['-c', web.address('eth0'), '-B', client.address('wlan'), '-n', '3M', '-C', 'cubic']
    await lab.link('wlan').rate(5)
    const { atLeast } = await iperf(server, client, argv)
    t.ok(atLeast < 5 * PAYLOAD * 1.05, `${atLeast} of 5 Mbit/s`)
    await lab.link('wlan').queue(7)
    for (const [host, name] of [
      [client, 'wlan'],
      [lab.host('router'), 'wlan'],
    ] as const) {
      t.match((await host.run(['tc', 'class', 'show', 'dev', name])).stdout, /rate 5Mbit/)
      t.match((await host.run(['tc', 'qdisc', 'show', 'dev', name])).stdout, /pfifo .*limit 7p/)
    }
    await t.rejects(lab.link('wlan').rate(-1), {
      code: 'MPTK_LAB',
      message: /^rate: expected a number of 0.01/,
    })
    await server.stop()
  })

  void t.test('ends what runs in it, in order', async (t) => {
    const sleeper = client.spawn(['sh', '-c', 'sleep 600 & echo started; wait'])
    await sleeper.waitForLine(/started/)
    const running = client.run(['sleep', '600'])
    await Promise.all([t.rejects(running, { code: 'MPTK_EXEC', message: /aborted/ }), lab.stop()])
    t.equal((await sleeper.exited).signal, 'SIGTERM')
    t.equal(await lab.ended, undefined)
    await t.rejects(lab.link('wlan').down(), { code: 'MPTK_LAB' })
  })
})

void t.test('a topology that cannot be built says why in one line', async (t) => {
  const end = (node: string, address: string) => ({ node, interface: 'eth0', addresses: [address] })
  const link = { name: 'wire', a: end('left', '10.0.0.1/24'), b: end('right', '10.0.0.2/24') }
  const hosts = [{ name: 'left' }, { name: 'right' }]
  await t.rejects(Lab.start({ name: 'bad', hosts, links: [{ ...link, rate: 'fast' }] }), {
    code: 'MPTK_LAB',
    message: /^topology: links\.0\.rate: /,
  })
  const astray = [{ name: 'left', routes: [{ to: 'default', via: '10.9.9.9' }] }, { name: 'right' }]
  await t.rejects(Lab.start({ name: 'bad', hosts: astray, links: [link] }), {
    code: 'MPTK_LAB',
    message: 'hosts.0.routes.0.via: 10.9.9.9 lies in none of the networks of left',
  })
  const failing = [{ name: 'left', sysctls: { 'net.no.such': 1 } }, { name: 'right' }]
  await t.rejects(Lab.start({ name: 'bad', hosts: failing, links: [link] }), {
    code: 'MPTK_LAB',
    message: /^left: sysctl -q -w net\.no\.such=1: exit code \d+: .*net\/no\/such/,
  })
})

void t.test('lab.py checks what it is given by itself, too', async (t) => {
  const refusals: [string, string][] = [
    ['{', 'topology: not JSON'],
    ['{"name":"x","hosts":[]}', 'links: missing'],
    ['{"name":"x","hosts":[{"name":7}],"links":[]}', 'hosts.0.name: expected a name of 1 to 9'],
    [
      '{"name":"x","hosts":[{"name":"a","nmae":"b"}],"links":[]}',
      'hosts.0.nmae: unknown key; known are name,',
    ],
    [
      '{"name":"x","hosts":[],"links":[{"name":"l","a":{"node":"z"},"b":{"node":"z"}}]}',
      'links.0.a.node: there is no host or switch z',
    ],
  ]
  for (const [input, message] of refusals) {
    const result = await localRunner.run(['/usr/bin/python3', 'mininet/lab.py', '-'], {
      input,
      reject: false,
    })
    t.equal(result.exitCode, 1)
    const said = z.object({ event: z.literal('error'), message: z.string() }).parse(JSON.parse(result.stdout))
    t.ok(said.message.startsWith(message), said.message)
  }
})
