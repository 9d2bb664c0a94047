/** What the keeper of the uplinks decides, from a description, the interfaces and the kernel's state. */
import t from 'tap'
import { checkConfig } from '../../../src/config/load.js'
import type { HostConfig } from '../../../src/config/host.js'
import type { Endpoint } from '../../../src/kernel/kernel.js'
import { settleTime } from '../../../provisioning/uplinks/flapping.js'
import { describeStep } from '../../../provisioning/uplinks/perform.js'
import { uplinkResources } from '../../../provisioning/uplinks/resources.js'
import { uplinkState } from '../../../provisioning/uplinks/state.js'
import { uplinkNumbers } from '../../../provisioning/uplinks/numbers.js'
import { keyOf, stepsTo, type Network, type Step } from '../../../provisioning/uplinks/steps.js'

function hostOf(description: object): HostConfig {
  const services = [{ type: 'socks5', listen: '127.0.0.1:1080' }]
  const { host } = checkConfig({ services, host: { setup: 'client', ...description } }, 'test')
  if (host === undefined) throw new Error('no host')
  return host
}

const INDEX: Record<string, number> = { wlan: 3, cell: 4 }
const facts = (address: string, gateway: string) => ({
  up: true,
  carrier: true,
  addresses: [{ family: 4 as const, address, prefixLength: 24 }],
  gateways: { 4: gateway },
})
const WLAN = facts('10.0.1.2', '10.0.1.1')
const CELL = facts('10.0.2.2', '10.0.2.1')
const BOTH = hostOf({ uplinks: { wlan: {}, cell: { role: 'backup' } } })
const EMPTY: Network = { endpoints: [], rules: [], routes: [], sources: new Set() }

function wanted(host: HostConfig, states: Record<string, typeof WLAN | undefined>) {
  return Object.keys(host.uplinks).flatMap((name, index) => {
    const state = states[name]
    return state === undefined ? [] : uplinkResources(host, { name, index }, state)
  })
}

/** The network after steps were taken. */
function after(network: Network, steps: readonly Step[]): Network {
  const same = (a: object) => (b: object) => JSON.stringify(a) === JSON.stringify(b)
  let { endpoints, rules, routes } = network
  for (const step of steps) {
    switch (step.do) {
      case 'remove endpoint':
        endpoints = endpoints.filter((each) => !same(step.endpoint)(each))
        break
      case 'add endpoint':
        endpoints = [...endpoints, step.endpoint]
        break
      case 'change endpoint':
        endpoints = endpoints.map((each) => (each.id === step.endpoint.id ? step.endpoint : each))
        break
      case 'remove rule':
        rules = rules.filter((each) => !same(step.rule)(each))
        break
      case 'add rule':
        rules = [...rules, step.rule]
        break
      case 'remove route':
        routes = routes.filter((each) => !same(step.route)(each))
        break
      case 'put route':
        routes = [...routes, step.route]
        break
    }
  }
  return { ...network, endpoints, rules, routes }
}

const steps = (host: HostConfig, states: Parameters<typeof wanted>[1], now: Network, left: string[] = []) =>
  stepsTo(wanted(host, states), now, uplinkNumbers(host), new Set(left), (name) => INDEX[name])
const words = (list: readonly Step[]): string[] => list.map(describeStep)

const full = after(EMPTY, steps(BOTH, { wlan: WLAN, cell: CELL }, EMPTY).steps)

void t.test('from nothing: routes, rules, then endpoints', (t) => {
  const { steps: list, foreign, reduced } = steps(BOTH, { wlan: WLAN, cell: CELL }, EMPTY)
  t.strictSame(words(list), [
    'put route 10.0.1.0/24 table 5200',
    'put route default via 10.0.1.1 table 5200',
    'put route 10.0.2.0/24 table 5201',
    'put route default via 10.0.2.1 table 5201',
    'add rule 5202 IPv4',
    'add rule 5203 IPv4',
    'add rule 5204 IPv4',
    'add rule 5205 IPv4',
    'add endpoint 200 10.0.1.2',
    'add endpoint 202 10.0.2.2',
  ])
  t.strictSame([foreign, reduced], [[], false])
  t.match(list.at(-1), { endpoint: { interfaceIndex: 4, flags: ['subflow', 'fullmesh', 'backup'] } })
  t.strictSame(steps(BOTH, { wlan: WLAN, cell: CELL }, full).steps, [], 'and once more: nothing')
  t.end()
})

void t.test('an uplink goes: its endpoint first', (t) => {
  const { steps: list } = steps(BOTH, { cell: CELL }, full)
  t.strictSame(words(list), [
    'remove endpoint 200 10.0.1.2',
    'remove rule 5202 IPv4',
    'remove rule 5203 IPv4',
    'remove route 10.0.1.0/24 table 5200',
    'remove route default via 10.0.1.1 table 5200',
  ])
  t.strictSame(steps(BOTH, { cell: CELL }, after(full, list)).steps, [])
  t.end()
})

void t.test('only its routes are gone, as after down and up within one look', (t) => {
  const { steps: list } = steps(BOTH, { wlan: WLAN, cell: CELL }, { ...full, routes: full.routes.slice(2) })
  t.strictSame(words(list), ['put route 10.0.1.0/24 table 5200', 'put route default via 10.0.1.1 table 5200'])
  t.end()
})

void t.test('another address: the old one out before the new one comes', (t) => {
  const moved = facts('10.0.1.9', '10.0.1.1')
  const { steps: list } = steps(BOTH, { wlan: moved, cell: CELL }, full)
  t.strictSame(words(list), [
    'remove endpoint 200 10.0.1.2',
    'remove rule 5202 IPv4',
    'remove rule 5203 IPv4',
    'add rule 5202 IPv4',
    'add rule 5203 IPv4',
    'add endpoint 200 10.0.1.9',
  ])
  t.strictSame(steps(BOTH, { wlan: moved, cell: CELL }, after(full, list)).steps, [])
  t.end()
})

void t.test('another gateway takes the place of the old one', (t) => {
  const { steps: list } = steps(BOTH, { wlan: facts('10.0.1.2', '10.0.1.254'), cell: CELL }, full)
  t.strictSame(words(list), ['put route default via 10.0.1.254 table 5200'])
  t.end()
})

void t.test('what has other numbers is left alone', (t) => {
  const endpoint: Endpoint = { id: 1, address: '10.0.1.2', interfaceIndex: 3, flags: ['subflow'] }
  const others: Network = {
    endpoints: [endpoint, { ...endpoint, id: 7, address: '10.0.9.9' }],
    rules: [{ family: 4, priority: 5000, table: 5200, from: '10.0.1.2' }],
    routes: [{ family: 4, table: 100, to: 'default', type: 'unicast', via: '10.0.1.1', index: 3, metric: 0 }],
    sources: new Set(),
  }
  const { steps: list, foreign } = steps(BOTH, { wlan: WLAN }, others)
  t.strictSame(
    list.filter((step) => step.do.startsWith('remove')),
    [],
  )
  t.strictSame(foreign, [endpoint], "an endpoint with our address is somebody else's")
  t.notOk(list.some((step) => step.do === 'add endpoint'))
  t.strictSame(
    steps(BOTH, {}, after(others, list)).steps.filter((step) => step.do === 'remove endpoint'),
    [],
  )
  const implicit: Endpoint = { ...endpoint, flags: ['implicit'] }
  const made = steps(BOTH, { wlan: WLAN }, { ...others, endpoints: [implicit] }).steps
  t.match(
    words(made),
    ['remove endpoint 1 10.0.1.2'],
    'but for those the kernel makes by itself, which bar ours',
  )
  t.equal(words(made).at(-1), 'add endpoint 200 10.0.1.2')
  t.end()
})

void t.test(
  'an address comes back without fullmesh while connections live whose first subflow left it',
  (t) => {
    const gone = after(full, steps(BOTH, { cell: CELL }, full).steps)
    const living = { ...gone, sources: new Set(['10.0.1.2']) }
    const { steps: list, reduced } = steps(BOTH, { wlan: WLAN, cell: CELL }, living, ['10.0.1.2'])
    t.match(list.at(-1), { do: 'add endpoint', endpoint: { id: 200, flags: ['subflow'] } })
    t.ok(reduced)
    const back = after(living, list)
    t.strictSame(
      steps(BOTH, { wlan: WLAN, cell: CELL }, back).steps,
      [],
      'stays so, also for a keeper started anew',
    )
    const ended = steps(BOTH, { wlan: WLAN, cell: CELL }, { ...back, sources: new Set() })
    t.strictSame(words(ended.steps), ['change endpoint 200 10.0.1.2'])
    t.match(ended.steps, [{ endpoint: { flags: ['subflow', 'fullmesh'] } }])
    t.notOk(ended.reduced)
    const other = steps(BOTH, { wlan: WLAN, cell: CELL }, { ...gone, sources: new Set(['10.0.2.2']) }, [
      '10.0.1.2',
    ])
    t.match(other.steps.at(-1), { endpoint: { flags: ['subflow', 'fullmesh'] } })
    t.end()
  },
)

void t.test(
  'an endpoint whose subflows a connection without its first one lives on stays without fullmesh',
  (t) => {
    const [first, second] = full.endpoints
    if (first === undefined || second === undefined) throw new Error('no endpoints')
    const plain = { ...second, flags: second.flags.filter((flag) => flag !== 'fullmesh') }
    const renewed: Network = { ...full, endpoints: [first, plain] }
    const both = { wlan: WLAN, cell: CELL }
    const headless = new Set(['10.0.2.2'])
    t.strictSame(steps(BOTH, both, { ...renewed, headless }).steps, [])
    t.ok(steps(BOTH, both, { ...renewed, headless }).reduced)
    t.strictSame(
      words(steps(BOTH, both, renewed).steps),
      ['change endpoint 202 10.0.2.2'],
      'until it has ended',
    )
    t.strictSame(
      steps(BOTH, both, { ...full, headless }).steps,
      [],
      'one that has it keeps it: taking it away would end its subflows',
    )
    t.end()
  },
)

void t.test('what was changed in place is changed back in place, all else is removed and added', (t) => {
  const both = { wlan: WLAN, cell: CELL }
  const [first, second] = full.endpoints
  if (first === undefined || second === undefined) throw new Error('no endpoints')
  const flags = second.flags.filter((flag) => flag !== 'backup')
  const changed = steps(BOTH, both, { ...full, endpoints: [first, { ...second, flags }] })
  t.strictSame(words(changed.steps), ['change endpoint 202 10.0.2.2'])
  t.ok(changed.steps.every((step) => changed.targets.has(keyOf(step))))
  t.equal(changed.targets.size, full.endpoints.length + full.rules.length + full.routes.length)
  const moved = steps(BOTH, both, { ...full, endpoints: [first, { ...second, interfaceIndex: 9 }] })
  t.strictSame(words(moved.steps), ['remove endpoint 202 10.0.2.2', 'add endpoint 202 10.0.2.2'])
  const signal = steps(BOTH, both, { ...full, endpoints: [first, { ...second, flags: ['signal'] }] })
  t.strictSame(words(signal.steps), ['remove endpoint 202 10.0.2.2', 'add endpoint 202 10.0.2.2'])
  t.end()
})

void t.test('states', (t) => {
  const config = BOTH.uplinks['wlan']
  if (config === undefined) throw new Error('no uplink')
  t.equal(uplinkState(config, WLAN), 'up')
  t.equal(uplinkState({ ...config, role: 'off' }, WLAN), 'off')
  t.equal(uplinkState(config, undefined), 'no interface')
  t.equal(uplinkState(config, { ...WLAN, up: false, carrier: false }), 'down')
  t.equal(uplinkState(config, { ...WLAN, carrier: false }), 'no carrier')
  t.equal(uplinkState(config, { ...WLAN, addresses: [] }), 'no address')
  t.equal(uplinkState(config, { ...WLAN, gateways: {} }), 'no gateway')
  t.equal(uplinkState({ ...config, gateway: ['10.0.1.1'] }, { ...WLAN, gateways: {} }), 'up', 'configured')
  t.equal(
    uplinkState({ ...config, gateway: ['fd00::1'] }, { ...WLAN, gateways: {} }),
    'no gateway',
    'of the other family',
  )
  t.end()
})

void t.test('only an uplink that flaps has to prove itself', (t) => {
  t.equal(settleTime([], 0, 0), 0)
  t.equal(settleTime([1000, 4000, 7000], 7500, 7500), 0, 'three times in ten seconds')
  t.equal(settleTime([1000, 3000, 5000, 7000], 7500, 7500), 2000, 'four times')
  t.equal(settleTime([1000, 3000, 5000, 7000], 7500, 9000), 500)
  t.equal(settleTime([1000, 3000, 5000, 7000], 7500, 9500), 0)
  t.equal(settleTime([1000, 3000, 5000, 7000], 60_000, 60_000), 0, 'long ago')
  t.end()
})
