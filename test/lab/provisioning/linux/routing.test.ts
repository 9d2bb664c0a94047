/** Addresses, routing tables, rules and the tun device. */
import t from 'tap'
import { addressDriver } from '../../../../provisioning/linux/address.js'
import { routeTableDriver } from '../../../../provisioning/linux/route-table.js'
import { ruleDriver } from '../../../../provisioning/linux/rule.js'
import { tunDriver } from '../../../../provisioning/linux/tun.js'
import type { RouteEntry, RouteTableResource, RuleResource } from '../../../../provisioning/resource.js'
import { localRunner } from '../../../../src/exec.js'
import { hostState } from '../../../support/host-state.js'
import { inOwnNetwork } from '../../../support/own-network.js'
import { perform, placeOf, probe, roundTrip } from '../../../support/round-trip.js'

const place = placeOf('/nowhere')
const ip = (...argv: string[]) => localRunner.run(['ip', ...argv])
const why = 'test'
const table = (family: 4 | 6, routes: RouteEntry[], number = 5200): RouteTableResource => ({
  kind: 'route-table',
  family,
  table: number,
  routes,
  why,
})
const rule = (family: 4 | 6, more: Partial<RuleResource> = {}): RuleResource => ({
  kind: 'rule',
  family,
  priority: 5200,
  table: 5200,
  why,
  ...more,
})

if (inOwnNetwork(t, import.meta.url)) {
  await ip('link', 'add', 'up0', 'type', 'veth', 'peer', 'name', 'up1')
  for (const device of ['up0', 'up1']) await ip('link', 'set', device, 'up', 'addrgenmode', 'none')
  await ip('address', 'add', '10.0.1.2/24', 'dev', 'up0')
  await ip('address', 'add', '2001:db8::2/64', 'dev', 'up0', 'nodad')
  await ip('rule', 'add', 'priority', '99', 'lookup', 'main')

  void t.test('addresses', async (t) => {
    await roundTrip(t, addressDriver, { kind: 'address', device: 'up1', address: '10.0.9.1/24', why }, place)
    await roundTrip(
      t,
      addressDriver,
      { kind: 'address', device: 'up1', address: '2001:db8:9:0::1/64', why },
      place,
    )
    const there = { kind: 'address', device: 'up0', address: '10.0.1.2/24', why } as const
    const before = await hostState()
    const state = await probe(addressDriver, there, place)
    t.ok(addressDriver.satisfied(state, there))
    await perform(addressDriver.restore(state, there, place))
    t.equal(await hostState(), before, 'one that was there before stays')
    const other = { kind: 'address', device: 'up0', address: '2001:db8::2/48', why } as const
    t.match(addressDriver.conflict?.(await probe(addressDriver, other, place), other), /2001:db8::2\/64/)
  })

  void t.test('routing tables', async (t) => {
    await roundTrip(
      t,
      routeTableDriver,
      table(4, [
        { to: '10.0.1.0/24', device: 'up0', source: '10.0.1.2' },
        { to: 'default', via: '10.0.1.1', device: 'up0', source: '10.0.1.2', metric: 3 },
        { to: '192.0.2.1/32', via: '10.0.1.1' },
        { to: '198.51.100.0/24', type: 'blackhole' },
        { to: '127.9.0.0/16', type: 'local', device: 'lo' },
        { to: 'default', type: 'unreachable', metric: 4000 },
      ]),
      place,
    )
    await roundTrip(
      t,
      routeTableDriver,
      table(6, [
        { to: '2001:db8::/64', device: 'up0' },
        { to: '::/0', via: '2001:DB8::1', device: 'up0', source: '2001:db8::2' },
        { to: '2001:db8:7::/48', type: 'unreachable' },
        { to: '2001:db8:8::/48', type: 'local', device: 'lo', metric: 7 },
      ]),
      place,
    )
  })

  void t.test('a table changes in place and comes back', async (t) => {
    const first = table(4, [
      { to: 'default', via: '10.0.1.1', device: 'up0' },
      { to: '192.0.2.0/24', via: '10.0.1.1', device: 'up0' },
      { to: '198.51.100.0/24', type: 'unreachable', metric: 9 },
    ])
    await perform(routeTableDriver.apply(null, first, place))
    const before = await hostState()
    const next = table(4, [{ to: 'default', via: '10.0.1.9', device: 'up0', source: '10.0.1.2' }])
    const state = await probe(routeTableDriver, next, place)
    t.match(routeTableDriver.conflict?.(state, next), /routing table 5200 .*default via 10\.0\.1\.1 dev up0/)
    await perform(routeTableDriver.apply(state, next, place))
    t.ok(routeTableDriver.satisfied(await probe(routeTableDriver, next, place), next))
    await perform(routeTableDriver.restore(state, next, place))
    t.equal(await hostState(), before)
    await perform(routeTableDriver.restore(null, next, place))
    t.equal(await probe(routeTableDriver, next, place), null)
  })

  void t.test('rules', async (t) => {
    await roundTrip(t, ruleDriver, rule(4, { from: '10.0.1.2' }), place)
    await roundTrip(
      t,
      ruleDriver,
      rule(4, { from: '10.0.0.0/8', to: '192.0.2.7/32', mark: '0x1/0xff' }),
      place,
    )
    await roundTrip(
      t,
      ruleDriver,
      rule(4, { mark: '0x10', outputDevice: 'up0', suppressDefault: true, table: 254 }),
      place,
    )
    await roundTrip(t, ruleDriver, rule(6, { from: '2001:DB8::2', inputDevice: 'nowhere' }), place)
    await roundTrip(t, ruleDriver, rule(6, {}), place)
    const barrier = { mark: '0/0x00400000', inputDevice: 'nowhere', table: 0, action: 'unreachable' } as const
    await roundTrip(t, ruleDriver, rule(4, barrier), place)
    await roundTrip(t, ruleDriver, rule(6, { ...barrier, protocol: 'tcp' }), place)
  })

  void t.test('a rule changes and comes back, and others are named', async (t) => {
    await perform(ruleDriver.apply(null, rule(4, { from: '10.0.1.2' }), place))
    const before = await hostState()
    const next = rule(4, { from: '10.0.1.7' })
    const state = await probe(ruleDriver, next, place)
    t.match(ruleDriver.conflict?.(state, next), /priority 5200 \(IPv4\).*from 10\.0\.1\.2 lookup 5200/)
    await perform(ruleDriver.apply(state, next, place))
    t.ok(ruleDriver.satisfied(await probe(ruleDriver, next, place), next))
    await perform(ruleDriver.restore(state, next, place))
    t.equal(await hostState(), before)
    await perform(ruleDriver.restore(null, next, place))
    const taken = rule(4, { priority: 99, table: 5200 })
    t.match(ruleDriver.conflict?.(await probe(ruleDriver, taken, place), taken), /priority 99/)
  })

  void t.test('tun', async (t) => {
    await roundTrip(t, tunDriver, { kind: 'tun', device: 'mptk0', mtu: 1380, why }, place)
    const other = { kind: 'tun', device: 'up0', mtu: 1380, why } as const
    t.match(tunDriver.conflict?.(await probe(tunDriver, other, place), other), /up0 of somebody else: veth/)
  })
}
