import t from 'tap'
import { readTopology } from '../../../mininet/lab.js'
import { parseTopology } from '../../../mininet/topology.js'

const minimal = {
  name: 'two',
  hosts: [{ name: 'left' }, { name: 'right' }],
  links: [
    {
      name: 'wire',
      a: { node: 'left', interface: 'eth0', addresses: ['10.0.0.1/24'] },
      b: { node: 'right', interface: 'eth0', addresses: ['10.0.0.2/24', 'fd00::2/64'] },
    },
  ],
}
const [wire] = minimal.links

void t.test('a topology is taken as it is', (t) => {
  t.strictSame(parseTopology(minimal), minimal)
  t.end()
})

void t.test("the thesis's topology has two uplinks and a web server without MPTCP", async (t) => {
  const thesis = await readTopology('thesis')
  t.match(
    thesis.links.map(({ name, rate }) => [name, rate]),
    [
      ['wlan', 20],
      ['cell', 10],
      ['infra', 50],
      ['proxy', 50],
      ['web', 50],
    ],
  )
  t.match(
    thesis.hosts.find(({ name }) => name === 'web'),
    { sysctls: { 'net.mptcp.enabled': 0 } },
  )
})

const wrong: [string, object, RegExp][] = [
  ['a missing field', { ...minimal, name: undefined }, /^topology: name: /],
  ['an unknown key', { ...minimal, hots: [] }, /hots/],
  [
    'a private folder that is no absolute path',
    { ...minimal, hosts: [{ name: 'left', privateFolders: ['etc'] }, { name: 'right' }] },
    /^topology: hosts\.0\.privateFolders\.0: expected the absolute path of a folder/,
  ],
  ['a bad name', { ...minimal, hosts: [{ name: 'Left!' }] }, /^topology: hosts\.0\.name: expected a name/],
  [
    'a name that is there twice',
    { ...minimal, hosts: [{ name: 'left' }, { name: 'left' }] },
    /left is there twice/,
  ],
  ['a switch named as a host', { ...minimal, switches: [{ name: 'left' }] }, /left is there twice/],
  ['a link that is there twice', { ...minimal, links: [wire, wire] }, /links: wire is there twice/],
  [
    'an address without prefix length',
    { ...minimal, links: [{ ...wire, a: { node: 'left', interface: 'eth0', addresses: ['10.0.0.1'] } }] },
    /^topology: links\.0\.a\.addresses\.0: expected an address with a prefix length/,
  ],
  [
    'a link to nowhere',
    { ...minimal, links: [{ ...wire, b: { node: 'up', interface: 'eth0' } }] },
    /^topology: links\.0\.b\.node: there is no host or switch up/,
  ],
  [
    'a host end without interface',
    { ...minimal, links: [{ ...wire, b: { node: 'right' } }] },
    /links\.0\.b\.interface: missing/,
  ],
  [
    'an interface used twice',
    { ...minimal, links: [wire, { ...wire, name: 'other' }] },
    /links\.1\.a\.interface: left has eth0 already/,
  ],
  [
    'an interface named on a switch',
    { ...minimal, hosts: [{ name: 'left' }], switches: [{ name: 'right' }] },
    /links\.0\.b: a switch's port takes neither/,
  ],
  ['a rate of nothing', { ...minimal, links: [{ ...wire, rate: 0 }] }, /^topology: links\.0\.rate: /],
  [
    'a rule from nowhere',
    { ...minimal, hosts: [{ name: 'left', rules: [{ from: 'x', table: 1 }] }, { name: 'right' }] },
    /^topology: hosts\.0\.rules\.0\.from: expected an address or a prefix/,
  ],
]

for (const [what, value, message] of wrong) {
  void t.test(`${what} is refused by name`, (t) => {
    t.throws(() => parseTopology(value), { code: 'MPTK_LAB', message })
    t.end()
  })
}

void t.test('a topology that is not there is one clear error', async (t) => {
  await t.rejects(readTopology('nowhere'), { code: 'MPTK_LAB', message: /topologies\/nowhere\.json/ })
  await t.rejects(readTopology('./nowhere.json'), { code: 'MPTK_LAB', message: /nowhere\.json.*ENOENT/ })
})
