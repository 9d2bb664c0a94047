/** Messages of nfnetlink, built by hand from the layout of include/uapi/linux/netfilter/nf_tables.h. */
import t from 'tap'
import { encodeAttribute } from '../../../src/kernel/netlink.js'
import { changedTable } from '../../../src/kernel/nftables.js'

const TABLE = 1
const NAMES = {
  newTable: 0,
  delTable: 2,
  delChain: 5,
  newRule: 6,
  delSet: 11,
  newElement: 12,
  newGeneration: 15,
}

function message(name: keyof typeof NAMES, family = 1, table = 'mptk', subsystem = 10) {
  const attribute = encodeAttribute(TABLE, Buffer.from(`${table}\0`))
  const payload = Buffer.concat([Buffer.from([family, 0, 0, 0]), attribute])
  return { type: (subsystem << 8) | NAMES[name], flags: 0, payload }
}

void t.test('which table a change is about', (t) => {
  for (const name of ['newTable', 'delTable', 'delChain', 'newRule', 'delSet'] as const) {
    t.strictSame(changedTable(message(name)), { family: 'inet', table: 'mptk' }, name)
  }
  t.strictSame(changedTable(message('newRule', 2, 'nat')), { family: 'ip', table: 'nat' })
  t.strictSame(changedTable(message('newRule', 10)), { family: 'ip6', table: 'mptk' })
  t.equal(changedTable(message('newElement')), undefined, 'programs fill sets')
  t.equal(changedTable(message('newGeneration')), undefined)
  t.equal(changedTable(message('newRule', 7)), undefined, 'a bridge')
  t.equal(changedTable(message('newRule', 1, 'mptk', 1)), undefined, 'another subsystem')
  t.equal(changedTable({ ...message('newRule'), payload: Buffer.from([1, 0, 0, 0]) }), undefined)
  t.end()
})
