/** Sysctls, those that change others among them: every value is back, on every interface. */
import { localRunner } from '../../../../src/exec.js'
import t from 'tap'
import { sysctlDriver } from '../../../../provisioning/linux/sysctl.js'
import type { SysctlResource } from '../../../../provisioning/resource.js'
import { inOwnNetwork } from '../../../support/own-network.js'
import { perform, placeOf, probe, roundTrip } from '../../../support/round-trip.js'

const place = placeOf('/nowhere')
const sysctl = (name: string, value: string): SysctlResource => ({ kind: 'sysctl', name, value, why: 'test' })

if (inOwnNetwork(t, import.meta.url)) {
  const run = (...argv: string[]) => localRunner.run(argv)
  await run('ip', 'link', 'add', 'up0', 'type', 'veth', 'peer', 'name', 'up1')
  // a VLAN's name by habit: sysctl(8) writes its dot as a slash
  await run('ip', 'link', 'add', 'up0.7', 'type', 'veth', 'peer', 'name', 'up1.7')
  // one interface unlike the others: what a blunt restore would lose
  await run('sysctl', '-qw', 'net.ipv4.conf.up1.forwarding=1', 'net.ipv6.conf.up1.forwarding=1')
  await run(
    'sysctl',
    '-qw',
    'net.ipv4.conf.up1.rp_filter=1',
    'net.ipv6.conf.up1.ignore_routes_with_linkdown=1',
  )

  const cases: [string, string][] = [
    ['net.mptcp.enabled', '0'],
    ['net.ipv4.tcp_rmem', '4096 131073 8388608'],
    ['net.ipv4.ip_forward', '1'],
    ['net.ipv4.conf.all.forwarding', '1'],
    ['net.ipv4.conf.default.forwarding', '1'],
    ['net.ipv4.conf.default.rp_filter', '2'],
    ['net.ipv4.conf.all.rp_filter', '2'],
    ['net.ipv4.conf.up0/7.rp_filter', '2'],
    ['net.ipv6.conf.all.forwarding', '1'],
    ['net.ipv6.conf.all.ignore_routes_with_linkdown', '1'],
    ['net.ipv6.conf.default.accept_ra', '2'],
    ['net.mptcp.path_manager', 'userspace'],
    ['net.ipv4.tcp_congestion_control', 'reno'],
  ]
  for (const [name, value] of cases) {
    void t.test(name, (t) => roundTrip(t, sysctlDriver, sysctl(name, value), place))
  }

  void t.test('the other way, where all interfaces were set one by one', async (t) => {
    await run('sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv4.conf.all.accept_redirects=1')
    await run('sysctl', '-qw', 'net.ipv4.conf.up0.forwarding=0')
    await roundTrip(t, sysctlDriver, sysctl('net.ipv4.ip_forward', '0'), place)
  })

  void t.test('an interface that is gone by the time of the restore', async (t) => {
    const resource = sysctl('net.ipv4.conf.gone.rp_filter', '2')
    t.equal(await probe(sysctlDriver, resource, place), null, 'nothing of that name')
    await run('ip', 'link', 'add', 'gone', 'type', 'bridge')
    const state = await probe(sysctlDriver, resource, place)
    await perform(sysctlDriver.apply(state, resource, place))
    await run('ip', 'link', 'delete', 'gone')
    await perform(sysctlDriver.restore(state, resource, place))
  })
}
