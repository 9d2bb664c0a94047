/**
 * What this proxy, tinyproxy and privoxy make of the corpus, as a table:
 *
 *     npm run --silent build && unshare --net -- node --import tsx test/interop/hop/table.ts
 *
 * In a network namespace of its own, for the ports are fixed. Verdicts are told, not judged; what fails
 * is a proxy that cannot be reached.
 */
import { spawn, execFileSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { until } from '../../support/until.js'
import { play, request, response, type HopCase } from './case.js'
import { CORPUS } from './corpus.js'
import { Origin, PATIENCE } from './peers.js'

const MAIN = fileURLToPath(new URL('../../../dist/src/cli/main.js', import.meta.url))

interface Proxy {
  name: string
  port: number
  /** Writes what the program needs into the folder and says how it is started. */
  command: (folder: string, port: number) => string[]
}

const PROXIES: Proxy[] = [
  {
    name: 'mptk',
    port: 3128,
    command(folder, port) {
      const file = join(folder, 'mptk.yaml')
      writeFileSync(
        file,
        `services: [{ type: connect, listen: '127.0.0.1:${port}', rules: [{ allow: { destinations: 127.0.0.0/8 } }] }]`,
      )
      return [process.execPath, MAIN, 'run', '--config', file]
    },
  },
  {
    name: 'tinyproxy',
    port: 3129,
    command(folder, port) {
      const file = join(folder, 'tinyproxy.conf')
      writeFileSync(
        file,
        `Port ${port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 100\nAllow 127.0.0.1\nBasicAuth alice secret\n`,
      )
      return ['tinyproxy', '-d', '-c', file]
    },
  },
  {
    name: 'privoxy',
    port: 3130,
    command(folder, port) {
      const file = join(folder, 'privoxy.conf')
      writeFileSync(
        file,
        `confdir /etc/privoxy\nlisten-address 127.0.0.1:${port}\nkeep-alive-timeout 5\nconnection-sharing 1\ntolerate-pipelining 1\n`,
      )
      return ['privoxy', '--no-daemon', file]
    },
  },
]

/** A plain request, to see that a proxy works at all. */
const REACHABLE: HopCase = {
  group: '',
  name: '',
  origin: async (peer) => {
    if (await peer.sees('\r\n\r\n')) peer.send(response('here', 'Connection: close')).finish()
  },
  client: async (peer, { first }) => {
    peer.send(request(first))
    await peer.sees('here')
    peer.finish()
  },
  fault: ({ client }) => (client.includes('here') ? undefined : JSON.stringify(client)),
}

async function started({ name, port, command }: Proxy, folder: string): Promise<ChildProcess> {
  const [program = '', ...args] = command(folder, port)
  const child = spawn(program, args, { stdio: 'ignore' })
  let ended = false
  child.on('exit', () => (ended = true))
  child.on('error', () => (ended = true))
  await until(`${name} answers`, async () => {
    if (ended) throw new Error(`${name} did not start: run scripts/install-lab-tools.sh as root`)
    const socket = connect(port, '127.0.0.1')
    try {
      await once(socket, 'connect')
      return undefined
    } catch {
      return 'refused'
    } finally {
      socket.destroy()
    }
  })
  return child
}

async function verdicts(proxy: Proxy, folder: string): Promise<string[]> {
  const patience = proxy.name === 'mptk' ? PATIENCE.ours : PATIENCE.others
  const stage = { first: await new Origin(patience).listen(), victim: await new Origin(patience).listen() }
  const child = await started(proxy, folder)
  try {
    const broken = await play(REACHABLE, proxy.port, stage)
    if (broken !== undefined && proxy.name === 'mptk') throw new Error(`${proxy.name}: ${broken}`)
    const found: string[] = []
    for (const each of CORPUS) found.push((await play(each, proxy.port, stage)) ?? 'right')
    return found
  } finally {
    child.kill('SIGKILL')
    stage.first.close()
    stage.victim.close()
  }
}

execFileSync('ip', ['link', 'set', 'lo', 'up'])
const folder = mkdtempSync(join(tmpdir(), 'mptk-hop-'))
try {
  const table: string[][] = []
  for (const proxy of PROXIES) table.push(await verdicts(proxy, folder))
  console.log(
    `| case | ${PROXIES.map(({ name }) => name).join(' | ')} |\n| --- |${' --- |'.repeat(PROXIES.length)}`,
  )
  for (const [index, { group, name }] of CORPUS.entries()) {
    const cells = table.map((column) => (column[index] ?? '').replaceAll('|', '\\|').slice(0, 70))
    console.log(`| ${group}: ${name} | ${cells.join(' | ')} |`)
  }
  const right = table.map((column) => column.filter((verdict) => verdict === 'right').length)
  console.log(`| right of ${CORPUS.length} | ${right.join(' | ')} |`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
