// What an uplink comes to: tables, rules and endpoints, numbered by its place.
import t from 'tap'
import type { UplinkFacts } from '../../../provisioning/uplinks/resources.js'
import { leftByUplinks } from '../../../provisioning/uplinks/numbers.js'
import { exitsOf, uplinkResources } from '../../../provisioning/uplinks/resources.js'
import { networkOf } from '../../../provisioning/uplinks/network.js'
import { described, HOME, hosted, hostFacts, interfaceFacts, ofKind } from '../../support/host-facts.js'
import type { HostConfig } from '../../../src/config/host.js'
import { resourceId } from '../../../provisioning/resource.js'

const cell = { name: 'cell', index: 1 }
const facts: UplinkFacts = interfaceFacts('cell', ['10.0.2.2/24', 'fd00:2::2/64'])

function client(role: string, mptcp: object = {}): HostConfig {
  return hosted({ uplinks: { wlan: {}, cell: { role } }, mptcp }).host
}

void t.test('the second uplink, IPv4 alone', (t) => {
  const ipv4 = interfaceFacts('cell', ['10.0.2.2/24'])
  const lean = uplinkResources(client('normal'), cell, ipv4).map(({ why, ...rest }) => {
    t.ok(why)
    return rest
  })
  t.strictSame(lean, [
    {
      kind: 'route-table',
      uplink: 'cell',
      family: 4,
      table: 5201,
      routes: [
        { to: '10.0.2.0/24', device: 'cell' },
        { to: 'default', via: '10.0.2.1', device: 'cell' },
      ],
    },
    {
      kind: 'rule',
      uplink: 'cell',
      family: 4,
      priority: 5204,
      from: '10.0.2.2',
      table: 254,
      suppressDefault: true,
    },
    { kind: 'rule', uplink: 'cell', family: 4, priority: 5205, from: '10.0.2.2', table: 5201 },
    {
      kind: 'endpoint',
      uplink: 'cell',
      id: 202,
      address: '10.0.2.2',
      device: 'cell',
      flags: ['subflow', 'fullmesh'],
    },
  ])
  t.end()
})

void t.test('flags by role, path manager and announcement', (t) => {
  const flags = (role: string, mptcp: object = {}): string[] =>
    ofKind('endpoint', { resources: uplinkResources(client(role, mptcp), cell, facts) }).map(
      (each) => `${each.id}: ${each.flags.join(' ')}`,
    )
  t.strictSame(flags('normal'), ['202: subflow fullmesh', '203: subflow fullmesh'])
  t.strictSame(flags('backup'), ['202: subflow fullmesh backup', '203: subflow fullmesh backup'])
  t.strictSame(flags('metered'), ['202: subflow fullmesh backup', '203: subflow fullmesh backup'])
  t.strictSame(flags('off'), [])
  t.strictSame(flags('normal', { announce: true }), ['202: signal subflow', '203: signal subflow'])
  t.strictSame(flags('backup', { announce: true, pathManager: 'default' }), [
    '202: signal backup',
    '203: signal backup',
  ])
  t.strictSame(flags('normal', { pathManager: 'default' }), [])
  t.strictSame(flags('normal', { pathManager: 'ndiffports' }), [])
  t.end()
})

void t.test('nothing where there is no way out', (t) => {
  const host = client('normal')
  const without: [string, UplinkFacts][] = [
    ['down', { ...facts, up: false }],
    ['without carrier', { ...facts, carrier: false }],
    ['without address', { ...facts, addresses: [] }],
    ['without gateway', { ...facts, gateways: {} }],
  ]
  for (const [name, given] of without) {
    t.strictSame(uplinkResources(host, cell, given), [], name)
  }
  t.strictSame(uplinkResources(client('off'), cell, facts), [], 'off')
  t.strictSame(uplinkResources(host, { name: 'dsl', index: 2 }, facts), [], 'no uplink')
  const ipv6 = uplinkResources(host, cell, { ...facts, gateways: { 6: 'fe80::1' } })
  t.strictSame(new Set(ipv6.map((each) => ('family' in each ? each.family : 6))), new Set([6]), 'IPv6 alone')
  t.end()
})

void t.test('gateways: given before found, none on point-to-point links', (t) => {
  const uplink = { role: 'normal' as const, gateway: ['10.0.2.254'] }
  t.strictSame(
    exitsOf(uplink, facts).map(({ gateway }) => gateway),
    ['10.0.2.254', 'fd00:2::1'],
  )
  const modem = interfaceFacts('cell', ['100.64.9.9/32'], { gateways: { 4: null } })
  t.strictSame(
    ofKind('route-table', { resources: uplinkResources(client('normal'), cell, modem) })[0]?.routes,
    [{ to: 'default', device: 'cell' }],
  )
  t.end()
})

void t.test('out-of-tree kernels find the addresses themselves', (t) => {
  t.strictSame(
    uplinkResources(client('normal'), cell, facts, 'out-of-tree').map(({ kind }) => kind),
    ['route-table', 'rule', 'rule', 'route-table', 'rule', 'rule'],
  )
  t.end()
})

void t.test("a router's LAN leaves by the best uplink, never by a metered one", (t) => {
  const uplinks = { wlan: { role: 'backup' }, cell: {}, sat: { role: 'metered' } }
  const config = hosted({ setup: 'router', uplinks, lan: { interfaces: ['lan', 'guests'] } })
  const interfaces = [
    ...HOME,
    interfaceFacts('sat', ['10.8.0.2/24']),
    interfaceFacts('guests', ['192.168.8.1/24'], { gateways: {} }),
  ]
  const rules = ofKind('rule', described(config, hostFacts({ interfaces })))
    .filter(({ inputDevice, family }) => inputDevice !== undefined && family === 4)
    .sort((a, b) => a.priority - b.priority)
  t.strictSame(
    rules.map(({ priority, inputDevice, table, suppressDefault = false }) => [
      priority,
      inputDevice,
      table,
      suppressDefault,
    ]),
    [
      [5218, 'lan', 0, false],
      [5219, 'guests', 0, false],
      [5226, 'lan', 254, true],
      [5227, 'guests', 254, true],
      [5241, 'lan', 5201, false],
      [5248, 'lan', 5200, false],
      [5257, 'guests', 5201, false],
      [5264, 'guests', 5200, false],
    ],
  )
  t.end()
})

void t.test('eight uplinks and eight LANs share no number', (t) => {
  const names = Array.from({ length: 8 }, (_, index) => `${index}`)
  const uplinks = Object.fromEntries(names.map((name) => [`up${name}`, {}]))
  const lan = { interfaces: names.map((name) => `lan${name}`), intercept: 'tproxy' }
  const config = hosted({ setup: 'router', uplinks, lan }, [
    {
      type: 'transparent',
      listen: '[::]:5201',
      intercept: 'tproxy',
      upstream: { type: 'socks5', address: '10.0.3.2:1080' },
    },
  ])
  const interfaces = names.flatMap((name) => [
    interfaceFacts(`up${name}`, [`10.1.${name}.2/24`]),
    interfaceFacts(`lan${name}`, [`10.2.${name}.1/24`], { gateways: {} }),
  ])
  const { resources } = described(config, hostFacts({ interfaces }))
  const ids = resources.map(resourceId)
  t.equal(new Set(ids).size, ids.length)
  t.equal(ofKind('endpoint', { resources }).length, 8)
  t.end()
})

void t.test('all that uplinks come to has numbers that a revert knows', (t) => {
  const uplinks = { wlan: { role: 'backup' }, cell: {} }
  const lan = { interfaces: ['lan', 'guests'] }
  const config = hosted({ setup: 'router', uplinks, lan })
  // also those of an uplink that is named no more, or has another role
  const later = hosted({ setup: 'router', uplinks: { wlan: {} }, lan })
  const known = leftByUplinks(later.host, 'upstream').map((each) => JSON.stringify(each))
  t.equal(new Set(known).size, known.length)
  const guests = interfaceFacts('guests', ['192.168.8.1/24'], { gateways: {} })
  const { resources } = described(config, hostFacts({ interfaces: [...HOME, guests] }))
  const made = resources.flatMap((each): object[] => {
    if (each.kind === 'endpoint') return [{ kind: 'endpoint', id: each.id }]
    if (each.kind === 'route-table') return [{ kind: 'table', family: each.family, number: each.table }]
    const { kind } = each
    return kind === 'rule' && each.uplink !== undefined
      ? [{ kind, family: each.family, number: each.priority }]
      : []
  })
  t.ok(made.length >= 10)
  t.strictSame(
    made.map((each) => JSON.stringify(each)).filter((each) => !known.includes(each)),
    [],
  )
  t.notOk(leftByUplinks(config.host, 'out-of-tree').some(({ kind }) => kind === 'endpoint'))
  t.end()
})

void t.test('endpoints of somebody else stay, and are spoken of', (t) => {
  const config = hosted({ uplinks: { wlan: {}, cell: {} } })
  const endpoints = [{ id: 1, address: '10.0.1.2', device: 'wlan', flags: ['subflow' as const] }]
  const { resources, warnings } = described(config, hostFacts({ endpoints }))
  t.strictSame(
    ofKind('endpoint', { resources }).map(({ address }) => address),
    ['fd00:1::2', '10.0.2.2', 'fd00:2::2'],
  )
  t.strictSame(warnings, [
    'endpoint 10.0.1.2 is set already, by somebody else (id 1, subflow): it is left as it is, so that wlan is not subflow fullmesh; to leave it to mptk: ip mptcp endpoint delete id 1',
  ])
  const implicit = [{ id: 1, address: '10.0.1.2', flags: ['implicit' as const] }]
  t.equal(ofKind('endpoint', described(config, hostFacts({ endpoints: implicit }))).length, 4)
  t.end()
})

void t.test('networks', (t) => {
  t.equal(networkOf('10.0.1.130', 25), '10.0.1.128/25')
  t.equal(networkOf('10.0.1.130', 0), '0.0.0.0/0')
  t.equal(networkOf('2001:db8:ff::1', 33), '2001:db8::/33')
  t.equal(networkOf('2001:db8::1', 128), '2001:db8::1/128')
  t.end()
})
