/**
 * The HTTP proxy's own hop: a corpus of what goes wrong between a client, a proxy and an origin that keeps
 * its connection (connection reuse, interim and early responses, request smuggling, upgrades), played
 * raw; then programs, for two hosts over one connection. hop/table.ts prints what tinyproxy and
 * privoxy make of the same corpus.
 */
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { startProxy, type BuiltProxy } from '../support/built-proxy.js'
import { inOwnNetwork } from '../support/own-network.js'
import { runTool } from '../support/tools.js'
import { until } from '../support/until.js'
import { play } from './hop/case.js'
import { CORPUS } from './hop/corpus.js'
import { Origin, PATIENCE } from './hop/peers.js'
import { startNginx } from './nginx.js'
import { USER } from './setting.js'

const PORTS = { open: 3128, users: 3129, web: 8080, status: 9400 }
const rules = [{ deny: { destinations: ['127.0.0.3'] } }, { allow: { destinations: ['127.0.0.0/8'] } }]
const HOSTS = ['127.0.0.1', '127.0.0.2', '127.0.0.1', '127.0.0.3', '127.0.0.2']
/** Not allowed. */
const DENIED = '127.0.0.3'
const url = (host: string): string => `http://${host}:${PORTS.web}/`

async function origins(t: Test): Promise<{ first: Origin; victim: Origin }> {
  const [first, victim] = [await new Origin(PATIENCE.ours).listen(), await new Origin(PATIENCE.ours).listen()]
  t.teardown(() => {
    first.close()
    victim.close()
  })
  return { first, victim }
}

/** One origin that keeps its connections, under every name; it says what it was told. */
function startWeb(t: Test): Promise<void> {
  return startNginx(
    t,
    `server {
      listen 0.0.0.0:${PORTS.web};
      keepalive_timeout 60;
      location / { return 200 "$http_host $http_cookie proxy=$http_proxy_authorization via=$http_via\n"; }
    }`,
    PORTS.web,
  )
}

const answer = (host: string): string => `200 ${host}:${PORTS.web} of=${url(host)} proxy= via=1.1 mptk`
const expected = (program: string): string[] =>
  HOSTS.map((host) => `${program} ${host === DENIED ? '403 the destination is not allowed' : answer(host)}`)

async function checkPrograms(t: Test, proxy: BuiltProxy): Promise<void> {
  await startWeb(t)
  const before = proxy.records.length
  const format = ['--silent', '--show-error', '--write-out', 'curl %{http_code} \n']
  const curl = await runTool('curl', [
    ...[...format, '--proxy', `http://${USER.name}:${USER.password}@127.0.0.1:${PORTS.users}`],
    ...HOSTS.flatMap((host, index) => [
      ...(index === 0
        ? []
        : ['--next', ...format, '--proxy', `http://${USER.name}:${USER.password}@127.0.0.1:${PORTS.users}`]),
      ...['--cookie', `of=${url(host)}`, url(host)],
    ]),
  ])
  // the status comes behind the body
  const lines = String(curl.stdout)
    .split('\n')
    .filter((line) => line !== '')
  const got = Array.from(
    { length: HOSTS.length },
    (_, index) => `${lines[2 * index + 1] ?? ''}${lines[2 * index] ?? ''}`,
  )
  t.strictSame(got, expected('curl'), `curl ${curl.stderr}`)

  // Debian's own: its packages are not for another
  const script = fileURLToPath(new URL('./hop/clients.py', import.meta.url))
  const python = await runTool('/usr/bin/python3', [
    script,
    `http://127.0.0.1:${PORTS.users}`,
    url('127.0.0.1'),
    url('127.0.0.2'),
    url(DENIED),
  ])
  t.equal(python.code, 0, python.stderr)
  const said = String(python.stdout).split('\n').slice(0, -1)
  t.strictSame(said.slice(0, 10), [...expected('urllib3'), ...expected('httpx')])
  t.strictSame(said.slice(10), [`httpx 200 127.0.0.1:${PORTS.web}  proxy= via=1.1 mptk`], 'a body of chunks')

  await until('every request has its record', () =>
    proxy.records.length - before >= 16 ? undefined : `${proxy.records.length - before} records`,
  )
  const records = proxy.records.slice(before)
  t.equal(records.length, 16, 'one session a request')
  t.equal(records.filter(({ outcome }) => outcome === 'denied').length, 3, 'rules for each of them')
  t.ok(
    records.every(({ user }) => user === USER.name),
    'and the password of each',
  )
}

if (inOwnNetwork(t, import.meta.url)) {
  await t.test('the HTTP proxy owns its hop', async (t) => {
    const proxy = await startProxy(t, {
      services: [
        { type: 'connect', name: 'open', listen: `127.0.0.1:${PORTS.open}`, rules },
        {
          ...{ type: 'connect', name: 'users', listen: `127.0.0.1:${PORTS.users}`, rules },
          users: { [USER.name]: { password: USER.password } },
        },
      ],
      statusPort: PORTS.status,
    })
    await t.test('the corpus', async (t) => {
      const stage = await origins(t)
      t.ok(CORPUS.length >= 40, `${CORPUS.length} cases`)
      for (const each of CORPUS) {
        t.equal(await play(each, PORTS.open, stage), undefined, `${each.group}: ${each.name}`)
      }
    })
    await t.test('curl, urllib3 and httpx, two hosts over one connection', (t) => checkPrograms(t, proxy))
    t.strictSame(proxy.complaints, [], 'no warning, no error')
  })
}
