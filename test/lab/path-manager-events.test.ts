/** Events of MPTCP connections from a real kernel, and more of them than the listener's socket can hold. */
import { execFileSync } from 'node:child_process'
import t from 'tap'
import { PathManagerListener, type PathManagerEvent } from '../../src/kernel/path-manager-events.js'
import { inOwnNetwork } from '../support/own-network.js'
import { until } from '../support/until.js'

/** So many connections over loopback, one after another, each with some bytes; prints the server's port. */
const CONNECT = `
import socket, sys
MPTCP = 262
server = socket.socket(socket.AF_INET, socket.SOCK_STREAM, MPTCP)
server.bind(('127.0.0.1', 0))
server.listen()
for _ in range(int(sys.argv[1])):
    client = socket.socket(socket.AF_INET, socket.SOCK_STREAM, MPTCP)
    client.connect(server.getsockname())
    accepted, _ = server.accept()
    client.sendall(b'hello')
    assert accepted.recv(5) == b'hello'
    accepted.close()
    client.close()
print(server.getsockname()[1])
`
const connect = (count: number): number => Number(execFileSync('python3', ['-c', CONNECT, String(count)]))

type Established = Extract<PathManagerEvent, { kind: 'established' }>
const isEstablished = (event: PathManagerEvent): event is Established => event.kind === 'established'

if (inOwnNetwork(t, import.meta.url)) {
  void t.test('connections come and go; an overrun is told, and what comes after it', async (t) => {
    const seen: PathManagerEvent[] = []
    const errors: unknown[] = []
    let lost = 0
    const listener = new PathManagerListener({
      onEvent: (event) => void seen.push(event),
      onLost: () => {
        lost++
      },
      onError: (error) => void errors.push(error),
    })
    t.teardown(() => listener.close())
    /** Both ends of the one connection to this port, when both are closed; others may close late. */
    const closedOn = async (port: number): Promise<Established[]> => {
      const both = (): Established[] =>
        seen.filter(isEstablished).filter(({ serverSide, local, remote }) => {
          return (serverSide ? local : remote).port === port
        })
      await until('both ends closed', () => {
        const tokens = both().map(({ token }) => token)
        const closed = tokens.filter((token) =>
          seen.some((event) => event.kind === 'closed' && event.token === token),
        )
        return closed.length >= 2 ? undefined : `${closed.length} of ${tokens.length}`
      })
      return both()
    }

    const established = await closedOn(connect(1))
    t.strictSame(established.map(({ serverSide }) => serverSide).sort(), [false, true], 'both ends are here')
    const [one, other] = established
    t.strictSame(one?.local, other?.remote)
    t.strictSame(one?.remote, other?.local)
    t.equal(lost, 0)

    // this process does not read meanwhile
    connect(8000)
    await until('the overrun', () => (lost > 0 ? undefined : 'not told'))
    await until('the rest of it', () => (seen.splice(0).length === 0 ? undefined : 'coming'))
    t.equal((await closedOn(connect(1))).length, 2)
    t.strictSame(errors, [])
  })
}
