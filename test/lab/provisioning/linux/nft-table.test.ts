/** Our nftables table: replaced whole, recognised as nft prints it, and no other is touched. */
import t from 'tap'
import { nftTableDriver } from '../../../../provisioning/linux/nft-table.js'
import type { NftTableResource } from '../../../../provisioning/resource.js'
import { localRunner } from '../../../../src/exec.js'
import { hostState } from '../../../support/host-state.js'
import { inOwnNetwork } from '../../../support/own-network.js'
import { perform, placeOf, probe, roundTrip } from '../../../support/round-trip.js'

const place = placeOf('/nowhere')
const BODY = `
  set excluded4 { type ipv4_addr; flags interval; elements = { 10.0.0.0/8, 192.168.0.0/16 } }
  set names4 { type ipv4_addr; flags timeout; }
  counter passed {}
  chain intercept {
    type nat hook prerouting priority dstnat; policy accept;
    ip daddr @excluded4 return
    iifname { "lan0", "lan1" } meta l4proto tcp counter name passed redirect to :1081
  }
  chain leave {
    type nat hook postrouting priority srcnat; policy accept;
    oifname "up0" masquerade
  }
  chain pass {
    type filter hook forward priority filter; policy accept;
    ct state established,related accept
    tcp flags syn tcp option maxseg size set rt mtu
  }
`
const nft = (...argv: string[]) => localRunner.run(['nft', ...argv])
const table = (body = BODY): NftTableResource => ({
  kind: 'nft-table',
  family: 'inet',
  table: 'mptk',
  body,
  why: 'test',
})

if (inOwnNetwork(t, import.meta.url)) {
  await nft('add', 'table', 'inet', 'theirs')
  await nft('add chain inet theirs input { type filter hook input priority 0; policy accept; }')
  await nft('add rule inet theirs input tcp dport 22 counter accept')

  void t.test('a table', (t) => roundTrip(t, nftTableDriver, table(), place))

  void t.test('one that works, one that was tampered with, one that gives way to another', async (t) => {
    const resource = table()
    const before = await hostState()
    await perform(nftTableDriver.apply(null, resource, place))
    const satisfied = async () =>
      nftTableDriver.satisfied(await probe(nftTableDriver, resource, place), resource)

    await nft('add element inet mptk names4 { 192.0.2.1 timeout 1h }')
    await nft('add element inet mptk excluded4 { 172.16.0.0/12 }')
    t.ok(await satisfied(), 'elements that a program adds are none of its business')

    await nft('delete element inet mptk excluded4 { 10.0.0.0/8 }')
    t.notOk(await satisfied(), 'an element of ours that is gone')
    await nft('add element inet mptk excluded4 { 10.0.0.0/8 }')
    t.ok(await satisfied())

    await nft('add rule inet mptk pass drop')
    t.notOk(await satisfied(), 'a rule more')
    const tampered = await hostState()
    const state = await probe(nftTableDriver, resource, place)
    t.equal(nftTableDriver.conflict?.(state, resource), undefined, 'still ours')
    const next = table(`${BODY}\n  chain more { }`)
    await perform(nftTableDriver.apply(state, next, place))
    t.ok(nftTableDriver.satisfied(await probe(nftTableDriver, next, place), next))
    await perform(nftTableDriver.restore(state, next, place))
    const restored = await hostState()
    const steady = (text: string) => text.replace(/ expires \w+/g, '')
    t.equal(steady(restored), steady(tampered), 'what was there before, as it was')
    await perform(nftTableDriver.restore(null, resource, place))
    t.equal(await hostState(), before)
  })

  void t.test('interfaces that exist only here', async (t) => {
    await localRunner.run(['ip', 'link', 'add', 'lan7', 'type', 'veth', 'peer', 'name', 'lan8'])
    await roundTrip(
      t,
      nftTableDriver,
      table('chain c { type filter hook input priority 0; iif "lan7" accept; }'),
      place,
    )
  })

  void t.test("somebody else's table", async (t) => {
    const theirs = { ...table(), table: 'theirs' }
    t.match(
      nftTableDriver.conflict?.(await probe(nftTableDriver, theirs, place), theirs),
      /inet theirs of somebody else/,
    )
  })
}
