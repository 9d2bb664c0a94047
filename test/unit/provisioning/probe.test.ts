// What is read of a host, as far as it is text.
import t from 'tap'
import { closedFirewalls } from '../../../provisioning/probe/firewalls.js'
import { sysctlFile } from '../../../provisioning/probe/read-files.js'

void t.test('where a sysctl is', (t) => {
  t.equal(sysctlFile('net.mptcp.enabled'), '/proc/sys/net/mptcp/enabled')
  t.equal(sysctlFile('net.ipv4.conf.eth0/7.forwarding'), '/proc/sys/net/ipv4/conf/eth0.7/forwarding')
  t.equal(sysctlFile('module/mptcp_rr/num_segments'), '/sys/module/mptcp_rr/parameters/num_segments')
  t.end()
})

const chain = (table: string, policy: string, hook = 'input') => ({
  chain: { family: 'inet', table, name: hook, type: 'filter', hook, policy },
})
const rule = (table: string, ...expr: object[]) => ({ rule: { family: 'inet', table, chain: 'input', expr } })
const dport = (right: unknown, protocol = 'tcp') => ({
  match: { op: '==', left: { payload: { protocol, field: 'dport' } }, right },
})

void t.test('closed firewalls: by policy or by a last rule, and what they let in', (t) => {
  t.strictSame(closedFirewalls({ nftables: [{ metainfo: { version: '1.0.6' } }] }), [])
  t.strictSame(closedFirewalls({}), [])
  t.strictSame(
    closedFirewalls({ nftables: [chain('filter', 'accept'), chain('filter', 'drop', 'forward')] }),
    [],
  )
  t.strictSame(closedFirewalls({ nftables: [chain('mptk', 'drop')] }), [], 'ours')
  t.strictSame(
    closedFirewalls({
      nftables: [
        chain('filter', 'drop'),
        rule('filter', dport({ set: [22, { range: [8000, 8010] }] }), { accept: null }),
        rule('filter', dport(53, 'udp'), { accept: null }),
        rule('filter', dport(25), { drop: null }),
        rule('other', dport(1080), { accept: null }),
      ],
    }),
    [
      {
        chain: 'inet filter input',
        accepts: [
          [22, 22],
          [8000, 8010],
        ],
      },
    ],
  )
  const rejecting = [
    chain('filter', 'accept'),
    rule('filter', { counter: {} }, { reject: { type: 'icmpx' } }),
  ]
  t.match(closedFirewalls({ nftables: rejecting }), [{ chain: 'inet filter input' }])
  const passing = [...rejecting, rule('filter', dport(80), { drop: null })]
  t.strictSame(closedFirewalls({ nftables: passing }), [])
  t.end()
})
