/**
 * A host with IPv6 switched off (ipv6.disable=1, or the module is not there): what its tools answer,
 * as captured from such kernels, and what is wanted of it.
 */
import t from 'tap'
import { hostProblems } from '../../../provisioning/checks.js'
import { listFamily } from '../../../provisioning/linux/family.js'
import { ruleDriver } from '../../../provisioning/linux/rule.js'
import { readEndpoints } from '../../../provisioning/probe/endpoints.js'
import { readInterfaces, readRules } from '../../../provisioning/probe/interfaces.js'
import type { RunOptions, Runner, RunResult } from '../../../src/exec.js'
import { described, example, HOME, hosted, hostFacts, ofKind } from '../../support/host-facts.js'

const NOT_SUPPORTED = 'RTNETLINK answers: Address family not supported by protocol\nDump terminated'
const ANSWERS: Record<string, Partial<RunResult>> = {
  'ip -j address show': {
    stdout:
      '[{"ifindex":2,"ifname":"eth0","flags":["UP","LOWER_UP"],"link_type":"ether","address":"02:00:00:00:00:0a","addr_info":[{"family":"inet","local":"10.0.1.2","prefixlen":24,"scope":"global"}]}]',
  },
  'ip -j -4 route show default': {
    stdout: '[{"dst":"default","gateway":"10.0.1.1","dev":"eth0","flags":[]}]',
  },
  'ip -j -6 route show default': { stdout: '[ ]' },
  'ip -N -j -4 rule show': { stdout: '[{"priority":0,"src":"all","table":"255"}]' },
  'ip -N -j -6 rule show': { exitCode: 255, stderr: NOT_SUPPORTED },
}

/** Answers as a host did; `change` for another one. */
function runner(change: Record<string, Partial<RunResult>> = {}): Runner {
  const answers = { ...ANSWERS, ...change }
  return {
    run(argv, { reject = true }: RunOptions = {}) {
      const result = { stdout: '', stderr: '', exitCode: 0, ...answers[argv.join(' ')] }
      return reject && result.exitCode !== 0
        ? Promise.reject(new Error(`${argv.join(' ')}: ${result.stderr}`))
        : Promise.resolve(result)
    },
    spawn() {
      throw new Error('nothing is left running here')
    },
  }
}

void t.test('EAFNOSUPPORT is none', async (t) => {
  t.strictSame(await readRules(runner()), [{ family: 4, priority: 0, table: 255 }])
  t.match(await readInterfaces(runner()), [{ name: 'eth0', gateways: { 4: '10.0.1.1' } }])
  const older = { 'ip -j -6 route show default': { exitCode: 2, stderr: NOT_SUPPORTED } }
  t.match(await readInterfaces(runner(older)), [{ gateways: { 4: '10.0.1.1' } }])
  const rule = { kind: 'rule', why: '', family: 6, priority: 5200, table: 5200 } as const
  const place = { runner: runner(), systemd: false, state: '/var/lib/mptk' }
  t.equal(await ruleDriver.probe(place, rule), null, 'also of a rule that was there before the reboot')
})

void t.test('every other failure is one', async (t) => {
  const six = ['ip', '-N', '-j', '-6', 'rule', 'show']
  const failing = (stderr: string, exitCode = 2) => runner({ [six.join(' ')]: { stderr, exitCode } })
  await t.rejects(readRules(failing('Operation not permitted')), {
    code: 'MPTK_EXEC',
    message: 'ip -N -j -6 rule show: exit code 2: Operation not permitted',
  })
  await t.rejects(listFamily(failing('', 1), six), { message: 'ip -N -j -6 rule show: exit code 1' })
  for (const stdout of ['[{"priority":"low"}]', 'rules:']) {
    const odd = runner({ [six.join(' ')]: { stdout } })
    await t.rejects(readRules(odd), { code: 'MPTK_EXEC', message: /an answer that is not understood$/ })
  }
  const endpoints = runner({ 'ip -j mptcp endpoint show': { stdout: '[{"id":"one"}]' } })
  await t.rejects(readEndpoints(endpoints), { code: 'MPTK_EXEC', message: /not understood$/ })
})

void t.test('what is wanted of such a host', (t) => {
  const facts = hostFacts({
    ipv6: false,
    interfaces: HOME.map((each) => {
      const { 4: gateway } = each.gateways
      const gateways = gateway === undefined ? {} : { 4: gateway }
      return { ...each, addresses: each.addresses.filter(({ family }) => family === 4), gateways }
    }),
  })
  for (const intercept of ['redirect', 'tproxy']) {
    const upstream = { type: 'socks5', address: '10.0.3.2:1080' }
    const service = { type: 'transparent', listen: '0.0.0.0:5201', intercept, upstream }
    const host = { setup: 'router', uplinks: { wlan: {}, cell: {} }, lan: { interfaces: 'lan', intercept } }
    const config = hosted(host, [service])
    t.strictSame(hostProblems(config, facts), [])
    const { resources, warnings } = described(config, facts)
    const families = [...ofKind('rule', { resources }), ...ofKind('route-table', { resources })]
    t.ok(families.length > 4 && families.every(({ family }) => family === 4), `${intercept}: no IPv6`)
    t.notMatch(warnings.join('\n'), 'IPv6', 'and nothing leaves by it')
    t.match(
      described(config, hostFacts()).warnings.join('\n'),
      'IPv6 TCP of the LAN',
      'as it would elsewhere',
    )
  }
  t.match(hostProblems(example('proxy'), facts), [
    {
      path: 'services[0].listen',
      text: 'expected an IPv4 address, as 0.0.0.0, on a host without IPv6, found ::',
    },
    {},
  ])
  t.end()
})
