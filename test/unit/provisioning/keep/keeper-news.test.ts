/** What `mptk run --kept-by` makes of the keeper's file, and the file itself. */
import { statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  changedUplinks,
  growth,
  keeperState,
  keeperWords,
  SILENT,
} from '../../../../provisioning/keep/keeper-news.js'
import { machineClock, readKeepFile, writeKeepFile } from '../../../../provisioning/keep/state-file.js'
import type { UplinkStatus } from '../../../../provisioning/uplinks/keeper.js'
import { scratchFolder } from '../../../support/scratch.js'

const AT = '2026-01-01T00:00:00.000Z'
const file = (clock: number) => ({ version: 1 as const, pid: 7, at: AT, clock, status: {} })

void t.test('a keeper that tells, is silent, is not there', (t) => {
  t.strictSame(keeperState(file(1000), 1000 + SILENT), { state: 'keeps', at: AT })
  t.strictSame(keeperState(file(1000), 1001 + SILENT), { state: 'silent', at: AT })
  t.strictSame(keeperState(file(99_000_000), 1000), { state: 'silent', at: AT }, 'of another boot')
  const missing = Object.assign(new Error('no file'), { code: 'ENOENT', syscall: 'open', errno: -2 })
  t.strictSame(keeperState(missing, 0), { state: 'not there' })
  t.strictSame(keeperState(new Error('what\never'), 0), { state: 'unreadable', why: 'what' })

  t.match(keeperWords(undefined, { state: 'keeps', at: AT }), /keeps this host/)
  t.equal(keeperWords({ state: 'keeps', at: AT }, { state: 'keeps', at: '' }), undefined, 'told once')
  t.match(keeperWords({ state: 'keeps', at: AT }, { state: 'silent', at: AT }), `silent since ${AT}`)
  t.match(keeperWords(undefined, { state: 'not there' }), /nothing is kept/)
  t.match(keeperWords(undefined, { state: 'unreadable', why: 'so' }), /cannot be read: so/)
  t.end()
})

void t.test('uplinks and counts that have changed', (t) => {
  const wlan: UplinkStatus = {
    ...{ name: 'wlan', role: 'normal', state: 'up', addresses: ['10.0.1.2'], gateways: ['10.0.1.1'] },
    ...{ endpoints: [200], since: AT },
  }
  const down: UplinkStatus = { ...wlan, state: 'down', since: AT }
  t.strictSame(changedUplinks([], [wlan]), [{ uplink: wlan, first: true }])
  t.strictSame(changedUplinks([wlan], [{ ...wlan, endpoints: [] }]), [])
  t.strictSame(changedUplinks([wlan], [down]), [{ uplink: down, first: false }])
  t.strictSame(changedUplinks([wlan], [{ ...wlan, addresses: ['10.0.1.9'] }]).length, 1)
  t.strictSame(growth({}, { rule: 2 }), [['rule', 2]])
  t.strictSame(growth({ rule: 2, sysctl: 1 }, { rule: 5, sysctl: 1 }), [['rule', 3]])
  t.strictSame(growth({ rule: 9 }, { rule: 1 }), [['rule', 1]], 'a keeper that has started anew')
  t.end()
})

void t.test('the file: whole, for everybody to read, never through a link', (t) => {
  const path = join(scratchFolder(t), 'new/folder/keep.json')
  writeKeepFile(path, { subflows: { lost: 1, reopened: {} } })
  t.equal(statSync(path).mode & 0o777, 0o644)
  const found = readKeepFile(path)
  t.match(found, { pid: process.pid, status: { subflows: { lost: 1 } } })
  t.ok(Math.abs(machineClock() - found.clock) < 60_000)
  const other = join(scratchFolder(t), 'other')
  writeFileSync(other, 'theirs')
  symlinkSync(other, `${path}.new`)
  writeKeepFile(path, {})
  t.equal(statSync(other).size, 6)
  writeFileSync(path, '{"version": 2}')
  t.throws(() => readKeepFile(path))
  t.end()
})
