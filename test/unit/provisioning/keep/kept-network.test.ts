/** The order in which what is missing is set again. */
import t from 'tap'
import { closingFirst, keptNetwork, keptResource } from '../../../../provisioning/keep/kept-network.js'
import type { Resource } from '../../../../provisioning/resource.js'
import { describeStep } from '../../../../provisioning/uplinks/perform.js'
import { stepsTo } from '../../../../provisioning/uplinks/steps.js'

const RESOURCES: Resource[] = [
  { kind: 'sysctl', why: '', name: 'net.ipv4.conf.lan.forwarding', value: '1' },
  { kind: 'rule', why: '', family: 4, priority: 5226, inputDevice: 'lan', table: 254, suppressDefault: true },
  {
    ...{ kind: 'rule', why: '', family: 4, priority: 5218, inputDevice: 'lan', table: 0 },
    ...{ protocol: 'tcp', mark: '0x0/0x100000', action: 'unreachable' },
  },
  {
    ...{ kind: 'route-table', why: '', family: 4, table: 5208 },
    routes: [{ to: 'default', type: 'local', device: 'lo' }],
  },
]

void t.test('what closes a way before what opens one', (t) => {
  const { resources, ours } = keptNetwork(RESOURCES)
  const empty = { endpoints: [], rules: [], routes: [], sources: new Set<string>() }
  const { steps } = stepsTo(resources, empty, ours, new Set(), () => 1)
  t.strictSame(closingFirst(steps).map(describeStep), [
    'add rule 5218 IPv4',
    'put route default table 5208',
    'add rule 5226 IPv4',
  ])
  t.match(closingFirst(steps)[0], { rule: { protocol: 6, mark: '0x0/0x100000', action: 'unreachable' } })
  t.strictSame(
    RESOURCES.map((each) => keptResource(each).urgent),
    [false, false, true, false],
  )
  t.end()
})

void t.test('another rule in the place of ours goes, those beside it stay', (t) => {
  const { resources, ours } = keptNetwork(RESOURCES)
  const rule = { family: 4 as const, table: 100 }
  const now = {
    ...{ endpoints: [], routes: [], sources: new Set<string>() },
    rules: [
      { ...rule, priority: 5218 },
      { ...rule, priority: 5219 },
    ],
  }
  const { steps } = stepsTo(resources, now, ours, new Set(), () => 1)
  t.strictSame(
    steps.map(describeStep).filter((each) => each.startsWith('remove')),
    ['remove rule 5218 IPv4'],
  )
  t.end()
})
