// Which destinations go through the upstream: pure.
import t from 'tap'
import { goesThroughUpstream } from '../../../proxy/egress/choose.js'

const DESTINATIONS = ['intranet.example', '*.corp.example', '10.0.0.0/8', 'fd00::/8']
const LISTED = [
  'intranet.example',
  'INTRANET.example',
  'a.corp.example',
  'a.b.corp.example',
  '10.1.2.3',
  'fd00::1',
]
const OTHERS = [
  'example',
  'corp.example',
  'xintranet.example',
  'intranet.example.org',
  '11.0.0.1',
  '2001:db8::1',
  // nobody looks up what is behind a name
  'ten.example',
]

const chosen = (hosts: string[], policy: 'all' | 'only' | 'except', destinations?: string[]) => {
  const through = goesThroughUpstream({ policy, ...(destinations !== undefined && { destinations }) })
  return hosts.filter((host) => through({ host, port: 443 }))
}

void t.test('only: what is listed', (t) => {
  t.strictSame(chosen(LISTED, 'only', DESTINATIONS), LISTED)
  t.strictSame(chosen(OTHERS, 'only', DESTINATIONS), [])
  t.end()
})

void t.test('except: everything else', (t) => {
  t.strictSame(chosen(LISTED, 'except', DESTINATIONS), [])
  t.strictSame(chosen(OTHERS, 'except', DESTINATIONS), OTHERS)
  t.end()
})

void t.test('all', (t) => {
  t.strictSame(chosen([...LISTED, ...OTHERS], 'all'), [...LISTED, ...OTHERS])
  t.end()
})

void t.test('a family is one of its own, and * is everything', (t) => {
  t.strictSame(chosen(['10.0.0.1', '::1', 'a.example'], 'only', ['::/0']), ['::1'])
  t.strictSame(chosen(['10.0.0.1', '::1', 'a.example'], 'only', ['*']), ['10.0.0.1', '::1', 'a.example'])
  t.end()
})

void t.test('the word for private networks', (t) => {
  const hosts = ['10.1.2.3', '192.168.1.1', 'fd00::1', 'private.example', '8.8.8.8', '2001:db8::1']
  t.strictSame(chosen(hosts, 'only', ['private']), hosts.slice(0, 3))
  t.strictSame(chosen(hosts, 'except', ['private']), hosts.slice(3))
  t.end()
})
