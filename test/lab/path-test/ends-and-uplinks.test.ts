/** `mptk doctor path`: far ends that are something else, a black hole found, and which uplinks are tested. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  FAR,
  SYN,
  blackHoleCounters,
  block,
  doctor,
  farEnd,
  middlebox,
  network,
  pathTest,
} from '../../support/path-test.js'
import { run } from '../../support/process.js'
import { scratchFolder } from '../../support/scratch.js'
import { runTool } from '../../support/tools.js'

void t.test('a NAT, a far end that is something else, and one without MPTCP', async (t) => {
  const { near, far, cell } = network(t)
  const command = await farEnd(t, far)
  cell.run(
    'nft',
    'add table ip nat; add chain ip nat post { type nat hook postrouting priority 100; }; add rule ip nat post oifname far masquerade',
  )
  const natted = await pathTest(t, near)
  t.match(natted.cell, {
    verdict: 'passes',
    nat: true,
    seen: { address: '10.92.4.1' },
    join: { join: 'yes' },
  })
  t.match(natted.wlan, {
    verdict: 'passes',
    nat: false,
    seen: { address: '10.92.1.1' },
    join: { join: 'yes' },
  })

  const proxy = await pathTest(t, near, `${FAR}:1080`)
  t.match([proxy.wlan.verdict, proxy.cell.verdict], ['no-answer', 'no-answer'])
  const nobody = await pathTest(t, near, `${FAR}:9`)
  t.match([nobody.wlan.verdict, nobody.cell.verdict], ['no-tcp', 'no-tcp'])

  command.signal('SIGTERM')
  await command.ended
  far.setSysctl('net.mptcp.enabled', 0)
  await farEnd(t, far)
  middlebox(cell, `${SYN} tcp option mptcp exists reject with tcp reset`)
  const plain = await pathTest(t, near)
  t.match(plain.wlan, {
    verdict: 'peer-without-mptcp',
    far: /^listens without MPTCP: net\.mptcp\.enabled is 0/,
  })
  t.equal(plain.cell.verdict, 'reset', 'which no far end is needed for')
})

void t.test('a black hole found is mended and told, and one of our own is noticed', async (t) => {
  const { near, far, cell } = network(t)
  await farEnd(t, far)
  middlebox(cell, `${SYN} tcp option mptcp exists drop`)
  near.setSysctl('net.mptcp.syn_retrans_before_tcp_fallback', 0)
  // the connection that comes too late: MPTCP is off for all uplinks from now on
  await runTool('ip', [
    ...near.prefix.slice(1),
    'mptcpize',
    'run',
    'curl',
    '-s',
    '-m',
    '30',
    '--interface',
    'cell',
    // which speaks no HTTP and ends the connection at once
    `http://${FAR}:1080`,
  ])
  t.equal(blackHoleCounters(near)[0], 1, 'the switch is tripped')
  const ended = await doctor(t, near, '--to', FAR, '--uplink', 'wlan', '--uplink', 'cell')
  t.equal(ended.code, 1)
  t.match(ended.stdout, /^wlan: passes$/m)
  t.match(ended.stdout, /^cell: dropped$/m)
  t.match(
    ended.stdout,
    /^ {2}this end saw: SYN with MPTCP unanswered \(no answer within 500 ms\), TCP connected$/m,
  )
  t.match(
    ended.stdout,
    /^Before the test the kernel had taken MPTCP away \(net\.mptcp\.blackhole_timeout, 3600 s\)/m,
  )
  t.equal(near.run('sysctl', '-n', 'net.mptcp.blackhole_timeout').trim(), '3600', 'as it was')
  t.equal(blackHoleCounters(near)[0], 1, 'tripped once, and not by the test')
})

void t.test('uplinks are those of the configuration, or those with a route', async (t) => {
  const { near, far } = network(t)
  await farEnd(t, far)
  const file = join(scratchFolder(t), 'near.yaml')
  const services = [{ type: 'socks5', listen: '127.0.0.1:0' }]
  const uplinks = { cell: {}, wlan: { role: 'off' }, lte: {} }
  writeFileSync(file, JSON.stringify({ services, host: { setup: 'client', uplinks } }))
  const configured = await doctor(t, near, '--to', FAR, '--config', file)
  t.match(configured.stdout, /^cell: passes$/m)
  t.match(
    configured.stdout,
    /^lte: no-tcp\n {2}this end saw: lte is down, missing, or without a global IPv4 address$/m,
  )
  t.notMatch(configured.stdout, /^wlan:/m)
  t.match(configured.stdout, /join not tested: there is no other uplink over which MPTCP passes/)

  const [mptk, ...manual] = block('sh').trim().split(' ')
  t.equal(mptk, 'mptk')
  const both = await run(t, manual, { prefix: near.prefix })
  t.match([both.code, both.stdout], [0, /^path test to 10\.92\.9\.9:5211, 3 repetitions\n/])
  t.match(both.stdout, /^wlan: passes\n[^]*^cell: passes\n/m)

  near.run('ip', 'route', 'delete', 'default', 'dev', 'cell')
  const routed = await doctor(t, near, '--to', FAR)
  t.match([routed.code, routed.stdout], [0, /^wlan: passes$/m])
  t.notMatch(routed.stdout, /^cell:/m)
  near.run('ip', 'route', 'delete', 'default', 'dev', 'wlan')
  t.match(await doctor(t, near, '--to', FAR), {
    code: 1,
    stderr: /^mptk: no interface with an address and a route to 10\.92\.9\.9:5211$/m,
  })
  near.setSysctl('net.mptcp.enabled', 0)
  t.match(await doctor(t, near, '--to', FAR), {
    code: 1,
    stderr: /MPTCP cannot be used here: net\.mptcp\.enabled is 0/,
  })
})
