/** The drivers' pure parts: what tools print, and what units say. */
import t from 'tap'
import { commandText } from '../../../../provisioning/command-text.js'
import { fileDriver } from '../../../../provisioning/linux/file.js'
import { parseLimits } from '../../../../provisioning/linux/limits.js'
import { moduleDriver } from '../../../../provisioning/linux/module.js'
import { multipathFlagDriver, parseFlags } from '../../../../provisioning/linux/multipath-flag.js'
import { stands } from '../../../../provisioning/linux/ready.js'
import { serviceDriver } from '../../../../provisioning/linux/service.js'
import { pathOf, sameValue, sysctlDriver } from '../../../../provisioning/linux/sysctl.js'
import { unitText } from '../../../../provisioning/linux/unit-text.js'
import type { FileResource, ServiceResource } from '../../../../provisioning/resource.js'
import { placeOf } from '../../../support/round-trip.js'

const place = placeOf('/nowhere')

void t.test('limits of iproute2 old and new', (t) => {
  const expected = { subflows: 2, addAddrAccepted: 1 }
  t.strictSame(parseLimits('add_addr_accepted 1 subflows 2 \n'), expected)
  t.strictSame(parseLimits('{"add_addr_accepted":1,"subflows":2}'), expected)
  t.equal(parseLimits(''), null)
  t.end()
})

void t.test('sysctls: names as paths, values by their fields', (t) => {
  t.equal(pathOf('net.ipv4.conf.eth0/7.rp_filter'), '/proc/sys/net/ipv4/conf/eth0.7/rp_filter')
  t.equal(pathOf('module/mptcp_rr/num_segments'), '/sys/module/mptcp_rr/parameters/num_segments')
  t.ok(sameValue('4096\t131072\t6291456', '4096 131072 6291456'))
  t.notOk(sameValue('1', '10'))
  t.end()
})

void t.test('flags of out-of-tree kernels', (t) => {
  t.strictSame(['0x1003', '0x81003', '0x101003'].map(parseFlags), ['on', 'off', 'backup'])
  const wish = { kind: 'multipath-flag', device: 'wwan0', value: 'off', why: 't' } as const
  t.strictSame(multipathFlagDriver.apply('on', wish, place)[0]?.argv.slice(-2), ['multipath', 'off'])
  t.strictSame(multipathFlagDriver.apply('off', wish, place), [])
  t.end()
})

void t.test('a module is loaded and stays', (t) => {
  const wish = { kind: 'module', name: 'mptcp_rr', why: 't' } as const
  t.strictSame(moduleDriver.apply(null, wish, place), [{ argv: ['modprobe', 'mptcp_rr'] }])
  t.strictSame(moduleDriver.restore(null, wish, place), [])
  t.end()
})

void t.test('who stands in the way of a listener', (t) => {
  const tcp = (address: string) => ({ protocol: 'tcp', address, port: 53 }) as const
  t.ok(stands(tcp('10.0.0.1'), 'tcp', '0.0.0.0:53'))
  t.ok(stands(tcp('0.0.0.0'), 'tcp', '127.0.0.53%lo:53'))
  t.ok(stands(tcp('::1'), 'tcp', '[::1]:53'))
  t.notOk(stands(tcp('10.0.0.1'), 'tcp', '127.0.0.53%lo:53'))
  t.notOk(stands(tcp('10.0.0.1'), 'udp', '10.0.0.1:53'))
  t.notOk(stands(tcp('10.0.0.1'), 'tcp', '10.0.0.1:530'))
  t.end()
})

void t.test('shown is what a person would type', (t) => {
  const service: ServiceResource = {
    kind: 'service',
    name: 'mptk',
    why: 'runs socks5',
    argv: ['/usr/bin/mptk', 'run', '--config', '/etc/my proxy.yaml'],
    restartOn: ['/etc/my proxy.yaml'],
    capabilities: [],
    listens: [
      { protocol: 'tcp', address: '::1', port: 1080 },
      { protocol: 'udp', address: '127.0.0.1', port: 53 },
    ],
  }
  t.equal(
    serviceDriver.apply(null, service, place).map(commandText).join(''),
    "MPTK_LOG_LIMIT=8388608 setsid /usr/bin/mptk run --config '/etc/my proxy.yaml' </dev/null >>/nowhere/mptk.log 2>&1 &\n" +
      '# until it listens on tcp [::1]:1080, udp 127.0.0.1:53\n',
  )
  const file: FileResource = {
    kind: 'file',
    path: '/nowhere/key',
    mode: '0600',
    why: 'to be let in',
    content: 'hunter2\n',
  }
  t.equal(
    fileDriver.apply(null, file, place).map(commandText).join(''),
    "mkdir -p /nowhere\ninstall -m 0600 /dev/stdin /nowhere/key <<'END'\nhunter2\nEND\n",
  )
  t.equal(
    fileDriver
      .apply(null, { ...file, secret: true }, place)
      .map(commandText)
      .join(''),
    "mkdir -p /nowhere\ninstall -m 0600 /dev/stdin /nowhere/key <<'END'\n(secret, not shown)\nEND\n",
  )
  const sysctl = { kind: 'sysctl' as const, name: 'net.ipv4.ip_forward', value: '1', why: 'routes' }
  const before = { 'net.ipv4.ip_forward': '0', 'module/mptcp_rr/num_segments': '2' }
  t.equal(
    sysctlDriver.restore(before, sysctl, place).map(commandText).join(''),
    'sysctl -w net.ipv4.ip_forward=0\necho 2 >/sys/module/mptcp_rr/parameters/num_segments\n',
  )
  t.end()
})

void t.test('a unit quotes its words and keeps what the service reads in sight', (t) => {
  const service = { kind: 'service', name: 'x', why: '5 %', listens: [], capabilities: [] } as const
  const text = unitText({ ...service, argv: ['/bin/true', 'a b', '$X 5%', '"\\'], restartOn: ['/root/c'] })
  t.match(text, 'ExecStart=/bin/true "a b" "$$X 5%%" "\\"\\\\"\n')
  t.match(text, 'Description=x: 5 %%\n')
  t.match(text, 'ProtectHome=read-only\n')
  t.match(text, 'CapabilityBoundingSet=\n')
  t.match(unitText({ ...service, argv: ['/bin/true'], restartOn: [] }), 'ProtectHome=yes\n')
  t.end()
})
