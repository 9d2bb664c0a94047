/** The watcher of interfaces on events of a real kernel, and on more of them than its socket can hold. */
import { execFileSync } from 'node:child_process'
import t from 'tap'
import { UplinkWatcher, type UplinkChange } from '../../../src/paths/uplink-watcher.js'
import { inOwnNetwork } from '../../support/own-network.js'
import { until } from '../../support/until.js'

const ip = (...args: string[]): string => execFileSync('ip', args, { encoding: 'utf8' })

if (inOwnNetwork(t, import.meta.url)) {
  void t.test('an overrun loses messages and no change', async (t) => {
    ip('link', 'add', 'name', 'up0', 'type', 'veth', 'peer', 'name', 'far0')
    const seen: UplinkChange[] = []
    const errors: unknown[] = []
    const watcher = new UplinkWatcher({
      onLook: (_, changes) => void seen.push(...changes),
      onError: (error) => void errors.push(error),
    })
    t.teardown(() => watcher.close())
    t.match(watcher.interfaces.get('up0'), { up: false, addresses: [] })
    // this process does not read meanwhile: the socket holds some thousand messages
    const flood = Array.from({ length: 20_000 }, (_, n) => {
      const address = `10.74.${n >> 8}.${n & 255}/32 dev up0`
      return `address add ${address}\naddress delete ${address}\n`
    })
    execFileSync('ip', ['-batch', '-'], { input: flood.join('') })
    ip('link', 'set', 'dev', 'up0', 'up')
    ip('link', 'set', 'dev', 'far0', 'up')
    ip('address', 'add', '10.73.1.2/24', 'dev', 'up0')
    ip('route', 'add', 'default', 'via', '10.73.1.1', 'dev', 'up0')
    await until('the change', () => (seen.some(({ kind }) => kind === 'gateway') ? undefined : 'not seen'))
    for (const change of [
      { kind: 'up', name: 'up0' },
      { kind: 'address', name: 'up0', address: '10.73.1.2' },
      { kind: 'gateway', name: 'up0', family: 4, gateway: '10.73.1.1' },
    ] as const) {
      t.strictSame(
        seen.find(({ kind, name }) => kind === change.kind && name === change.name),
        change,
      )
    }
    ip('link', 'delete', 'dev', 'up0')
    await until('the end', () => (seen.some(({ kind }) => kind === 'gone') ? undefined : 'not seen'))
    t.strictSame(errors, [])
  })
}
