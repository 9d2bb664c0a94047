// The PAC file, evaluated: the same decisions as the proxy's own about its upstream.
import { createContext, runInContext } from 'node:vm'
import t from 'tap'
import { LOCAL_NETWORKS, pacFile, type PacFacts } from '../../../../proxy/connect/pac.js'
import { goesThroughUpstream } from '../../../../proxy/egress/choose.js'
import { PrefixSet } from '../../../../src/address.js'
import { Random, seedOf } from '../../../support/random.js'

const PROXY = { address: '127.0.0.1', port: 3128 }

/** Asks the file about a host, in an engine with nothing but the language. */
function decider(facts: Omit<PacFacts, 'proxy' | 'config'> & Partial<PacFacts>): (host: string) => string {
  const context = createContext({})
  const script = pacFile({ proxy: PROXY, config: { fallback: 'none' }, ...facts })
  runInContext(script, context)
  return (host) =>
    String(runInContext(`FindProxyForURL("http://x/", ${JSON.stringify(host)})`, context, { timeout: 1000 }))
}

void t.test('everything but what is near', (t) => {
  const ask = decider({})
  const through = [
    'example.org',
    'EXAMPLE.org.',
    '8.8.8.8',
    '172.32.0.1',
    '2001:db8::1',
    '[2001:db8::1]',
    '11.0.0.1',
    '::ffff:8.8.8.8',
    '[::ffff:808:808]',
    '::10.0.0.1',
  ]
  for (const host of through) t.equal(ask(host), 'PROXY 127.0.0.1:3128', host)
  const near = [
    'printer', 'localhost', '127.0.0.9', '10.1.2.3', '172.16.0.1', '172.31.255.255', '192.168.1.1', '169.254.1.1',
    '100.64.0.1', '::1', '[::1]', 'fe80::1', 'fd00::7', '[FD00::7]',
    '::ffff:10.1.2.3', '[::FFFF:a01:203]', '0:0:0:0:0:ffff:192.168.1.1', 'fe80::1%eth0',
  ] // prettier-ignore
  for (const host of near) t.equal(ask(host), 'DIRECT', host)
  t.end()
})

void t.test('what it offers', (t) => {
  const offer = (facts: Partial<PacFacts>): string => decider(facts)('example.org')
  const socks = { address: '127.0.0.1', port: 1080 }
  t.equal(
    offer({ config: { socks, fallback: 'direct' } }),
    'SOCKS5 127.0.0.1:1080; SOCKS 127.0.0.1:1080; PROXY 127.0.0.1:3128; DIRECT',
  )
  t.equal(offer({ proxy: { address: '::ffff:10.0.0.1', port: 80 } }), 'PROXY 10.0.0.1:80')
  t.equal(offer({ proxy: { address: 'fd00::1', port: 80 } }), 'PROXY [fd00::1]:80')
  t.end()
})

void t.test('the policies, as the proxy itself has them', (t) => {
  const seed = seedOf(14)
  const random = new Random(seed)
  const destinations = [
    'example.org',
    '*.example.net',
    '10.20.0.0/16',
    '8.8.8.8',
    '2001:db8::/33',
    'fd00::7',
    '*.b.example.org',
    '::ffff:9.9.0.0/112',
    '::ffff:7.7.7.7',
  ]
  const local = new PrefixSet(LOCAL_NETWORKS)
  const names = [
    'example.org',
    'www.example.org',
    'a.b.example.org',
    'example.net',
    'a.example.net',
    'badexample.net',
    'printer',
  ]
  const hosts = [
    ...names,
    '8.8.8.8', '8.8.8.9', '10.20.1.1', '10.21.1.1', 'fd00::7', 'fd00::8', '2001:db8:8000::1', '2001:db8:7fff::1', '::',
    '9.9.1.1', '::ffff:9.9.2.2', '::ffff:909:303', '9.8.1.1', '7.7.7.7', '::ffff:7.7.7.7', '::ffff:8.8.8.8', '::ffff:10.20.3.4',
    ...Array.from({ length: 200 }, () => [...random.bytes(4)].join('.')),
    ...Array.from({ length: 200 }, () => `::ffff:${[...random.bytes(4)].join('.')}`),
    ...Array.from({ length: 200 }, () => `2001:db8:${random.below(65536).toString(16)}::${random.below(9)}`),
  ] // prettier-ignore
  for (const policy of ['only', 'except'] as const) {
    const upstreamFor = { policy, destinations }
    const ask = decider({ upstreamFor })
    const through = goesThroughUpstream(upstreamFor)
    for (const host of hosts) {
      const near = policy === 'except' && (local.has(host) || host === 'printer')
      const wanted = through({ host, port: 80 }) && !near ? 'PROXY 127.0.0.1:3128' : 'DIRECT'
      if (ask(host) !== wanted) t.fail(`seed ${seed}: ${policy}, ${host}: ${ask(host)}, expected ${wanted}`)
    }
  }
  const inward = decider({ upstreamFor: { policy: 'only', destinations: ['private'] } })
  for (const host of ['10.1.2.3', 'fd00::1']) t.equal(inward(host), 'PROXY 127.0.0.1:3128', host)
  for (const host of ['8.8.8.8', 'private', '2001:db8::1']) t.equal(inward(host), 'DIRECT', host)
  t.equal(
    decider({ upstreamFor: { policy: 'only', destinations: ['*'] } })('printer'),
    'PROXY 127.0.0.1:3128',
  )
  t.end()
})
