/** Limits and endpoints of the path manager: ours come and go, others' are named and left alone. */
import t from 'tap'
import { endpointDriver } from '../../../../provisioning/linux/endpoint.js'
import { limitsDriver } from '../../../../provisioning/linux/limits.js'
import type { EndpointResource } from '../../../../provisioning/resource.js'
import { localRunner } from '../../../../src/exec.js'
import { hostState } from '../../../support/host-state.js'
import { inOwnNetwork } from '../../../support/own-network.js'
import { perform, placeOf, probe, roundTrip } from '../../../support/round-trip.js'

const place = placeOf('/nowhere')
const ip = (...argv: string[]) => localRunner.run(['ip', ...argv])
const endpoint = (address: string, more: Partial<EndpointResource> = {}): EndpointResource => ({
  kind: 'endpoint',
  id: 200,
  address,
  flags: ['subflow'],
  why: 'test',
  ...more,
})

if (inOwnNetwork(t, import.meta.url)) {
  await ip('link', 'add', 'up0', 'type', 'veth', 'peer', 'name', 'up1')
  // the kernel listens on an endpoint with a port
  await ip('address', 'add', '10.0.1.2/24', 'dev', 'up0')
  await ip('mptcp', 'endpoint', 'add', '10.9.9.9', 'id', '3', 'signal')

  void t.test('limits', (t) =>
    roundTrip(t, limitsDriver, { kind: 'limits', subflows: 8, addAddrAccepted: 7, why: 'test' }, place),
  )

  void t.test('endpoints of each form', async (t) => {
    await roundTrip(
      t,
      endpointDriver,
      endpoint('10.0.1.2', { device: 'up0', flags: ['subflow', 'fullmesh', 'backup'] }),
      place,
    )
    await roundTrip(t, endpointDriver, endpoint('10.0.1.2', { port: 8443, flags: ['signal'] }), place)
    await roundTrip(t, endpointDriver, endpoint('2001:DB8:0::1', { device: 'up0' }), place)
  })

  void t.test('flags change in place, an address by another endpoint', async (t) => {
    const first = endpoint('10.0.1.2', { device: 'up0' })
    await perform(endpointDriver.apply(null, first, place))
    t.teardown(() => ip('mptcp', 'endpoint', 'delete', 'id', '200'))
    for (const next of [
      endpoint('10.0.1.2', { device: 'up0', flags: ['subflow', 'backup'] }),
      endpoint('10.0.1.2', { device: 'up0', flags: ['subflow', 'fullmesh'] }),
      endpoint('10.0.1.7', { device: 'up0' }),
      endpoint('10.0.1.7', { device: 'up1' }),
    ]) {
      const before = await hostState()
      const state = await probe(endpointDriver, next, place)
      await perform(endpointDriver.apply(state, next, place))
      t.ok(
        endpointDriver.satisfied(await probe(endpointDriver, next, place), next),
        `${next.address} ${next.flags.join(' ')}`,
      )
      await perform(endpointDriver.restore(state, next, place))
      t.equal(await hostState(), before, 'as before')
      await perform(endpointDriver.apply(state, next, place))
    }
    const changed = endpointDriver.apply(
      await probe(endpointDriver, first, place),
      endpoint('10.0.1.7', { device: 'up1', flags: ['subflow', 'backup'] }),
      place,
    )
    t.strictSame(
      changed.map(({ argv }) => argv.slice(2, 4).join(' ')),
      ['endpoint change'],
      'connections keep their subflow',
    )
  })

  void t.test('endpoints of others', async (t) => {
    const same = endpoint('10.9.9.9')
    t.match(
      endpointDriver.conflict?.(await probe(endpointDriver, same, place), same),
      /somebody else: 10\.9\.9\.9 id 3 signal/,
    )
    const number = endpoint('10.0.1.2', { id: 3 })
    t.match(endpointDriver.conflict?.(await probe(endpointDriver, number, place), number), /10\.9\.9\.9 id 3/)
    const before = await hostState()
    await perform(endpointDriver.restore(await probe(endpointDriver, same, place), same, place))
    t.equal(await hostState(), before, 'left alone')
  })
}
