/** Lost subflows on a simulated clock. */
import t from 'tap'
import { ATTEMPTS, LostSubflows } from '../../../provisioning/uplinks/lost-subflows.js'

const [WLAN, CELL, PROXY] = ['10.0.1.2', '10.0.2.2', '10.0.3.2']
const ENDPOINTS = new Set([WLAN, CELL])
const RESET = 104

class Kernel {
  readonly plan = new LostSubflows()
  now = 0

  #pair(address: string, port: number) {
    return { local: { address, port }, remote: { address: PROXY, port: 1080 } }
  }

  /** A connection that begins at WLAN with its token as port, and gets a subflow at CELL. */
  connect(token: number, { serverSide = false, joins = true } = {}): void {
    const pair = this.#pair(WLAN, token)
    this.plan.take({ kind: 'established', token, serverSide, denyJoinInitial: false, ...pair }, this.now)
    if (joins) this.join(token, CELL, token)
  }

  join(token: number, address: string, port: number): boolean {
    return this.plan.take({ kind: 'subflow-established', token, ...this.#pair(address, port) }, this.now)
  }

  lose(token: number, address: string, port: number, error = RESET): void {
    const localId = address === WLAN ? 0 : 202
    const pair = this.#pair(address, port)
    this.plan.take({ kind: 'subflow-closed', token, error, localId, ...pair }, this.now)
  }

  end(token: number): void {
    this.plan.take({ kind: 'closed', token }, this.now)
  }

  /** Goes to the next time that something is due, and takes it. */
  next() {
    const wait = this.plan.next(ENDPOINTS, this.now)
    if (wait === undefined) return undefined
    this.now += wait
    return { wait, renewals: this.plan.due(ENDPOINTS, this.now) }
  }
}

void t.test('after a second, then twice as long each time, until it is left', (t) => {
  const kernel = new Kernel()
  kernel.connect(1)
  kernel.lose(1, CELL, 1)
  t.strictSame(kernel.plan.due(ENDPOINTS, 999), [])
  t.equal(kernel.plan.missing, 1)
  const waits: number[] = []
  for (let port = 2; port < 100; port++) {
    const due = kernel.next()
    if (due === undefined) break
    t.strictSame(due.renewals, [{ address: CELL, lost: 1, disturbed: 0, headless: false }])
    waits.push(due.wait)
    kernel.lose(1, CELL, port, 111)
  }
  t.strictSame(waits, [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000])
  t.equal(waits.length, ATTEMPTS)
  t.equal(kernel.plan.missing, 0)
  t.end()
})

void t.test('one that came back and held begins anew; one that did not goes on', (t) => {
  const kernel = new Kernel()
  kernel.connect(1)
  kernel.lose(1, CELL, 1)
  t.equal(kernel.next()?.wait, 1000)
  t.ok(kernel.join(1, CELL, 2), 'it is back')
  t.notOk(kernel.join(1, CELL, 3), 'told once')
  t.equal(kernel.next(), undefined)
  kernel.lose(1, CELL, 2)
  t.equal(kernel.next(), undefined, 'another one lives')
  kernel.lose(1, CELL, 3)
  t.equal(kernel.next()?.wait, 2000)
  kernel.join(1, CELL, 4)
  kernel.now += 61_000
  kernel.lose(1, CELL, 4)
  t.equal(kernel.next()?.wait, 1000)
  t.end()
})

void t.test('the more living subflows would be opened anew with it, the longer it waits', (t) => {
  const kernel = new Kernel()
  for (let token = 1; token <= 21; token++) kernel.connect(token)
  kernel.lose(1, CELL, 1)
  t.equal(kernel.plan.next(ENDPOINTS, 0), 20_000)
  for (let token = 2; token <= 11; token++) kernel.lose(token, CELL, token)
  t.equal(kernel.plan.next(ENDPOINTS, 0), 1000, 'of half of them: at once')
  t.match(kernel.next()?.renewals, [{ address: CELL, lost: 11, disturbed: 10 }])
  const many = new Kernel()
  for (let token = 1; token <= 500; token++) many.connect(token)
  many.lose(1, CELL, 1)
  t.equal(many.plan.next(ENDPOINTS, 0), 60_000, 'never longer than a minute')
  t.end()
})

void t.test(
  'a first subflow: the endpoint must not have fullmesh afterwards, nor those of its others',
  (t) => {
    const kernel = new Kernel()
    kernel.connect(1)
    t.strictSame([...kernel.plan.headless()], [])
    kernel.lose(1, WLAN, 1)
    t.match(kernel.next()?.renewals, [{ address: WLAN, lost: 1, headless: true }])
    t.strictSame([...kernel.plan.headless()], [WLAN, CELL])
    kernel.join(1, WLAN, 2)
    kernel.lose(1, CELL, 1)
    t.match(kernel.next()?.renewals, [{ address: CELL, headless: true }])
    kernel.end(1)
    t.strictSame([...kernel.plan.headless()], [])
    t.equal(kernel.next(), undefined)
    t.end()
  },
)

void t.test('one that never came about, and one whose connection was not seen to begin', (t) => {
  const kernel = new Kernel()
  kernel.connect(1, { joins: false })
  kernel.lose(1, CELL, 5, 110)
  t.match(kernel.next()?.renewals, [{ address: CELL }])
  const late = new Kernel()
  late.lose(9, CELL, 5)
  t.match(late.next()?.renewals, [{ address: CELL, headless: false }])
  late.lose(9, WLAN, 9)
  t.match(late.next()?.renewals, [{ address: WLAN, headless: true }])
  t.end()
})

void t.test('what is nobody’s loss', (t) => {
  const kernel = new Kernel()
  kernel.connect(1)
  kernel.lose(1, CELL, 1, 0)
  t.equal(kernel.next(), undefined, 'an orderly end')
  kernel.lose(1, CELL, 1)
  t.equal(kernel.next(), undefined, 'told a second time')
  kernel.connect(2, { serverSide: true })
  kernel.lose(2, CELL, 2)
  t.equal(kernel.next(), undefined, 'the peer opened it')
  kernel.connect(3)
  kernel.lose(3, CELL, 3)
  t.equal(kernel.plan.next(new Set([WLAN]), 0), undefined, 'no endpoint of ours')
  t.strictSame(kernel.plan.due(new Set([WLAN]), 90_000), [])
  kernel.plan.forgetAddress(CELL)
  t.equal(kernel.next(), undefined, 'its endpoint went: when it is back the kernel opens all')
  kernel.connect(4)
  kernel.lose(4, CELL, 4)
  kernel.plan.clear()
  t.equal(kernel.next(), undefined)
  t.end()
})
