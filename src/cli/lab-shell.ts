/** `mptk lab shell`: a lab that stays until somebody ends it. */
import { constants } from 'node:os'
import { execa } from 'execa'
import { Lab, readTopology } from '../../mininet/lab.js'
import type { LabHost } from '../../mininet/lab-host.js'
import type { MptkError } from '../errors.js'
import { untilSignal } from './signals.js'

/** Without a host: until Ctrl-C or the end of standard input. With one: as long as the shell in it. */
export async function runLabShell(topology: string, hostName: string | undefined): Promise<void> {
  const { signal } = untilSignal()
  await using lab = await Lab.start(await readTopology(topology), { signal })
  // a misspelt name is told before anything else is
  const host = hostName === undefined ? undefined : lab.host(hostName)
  process.stdout.write(`${describeLab(lab)}\n`)
  let failure: MptkError | undefined
  void lab.ended.then((reason) => (failure = reason))
  if (host === undefined) await untilEnd(lab, signal)
  else process.exitCode = await shell(host, signal)
  if (failure !== undefined) throw failure
}

function describeLab(lab: Lab): string {
  const hosts = lab.hosts.map((host) => {
    const interfaces = host.interfaces.map(({ name, addresses }) => `${name} ${addresses.join(' ')}`)
    return `${host.name}\n  ${interfaces.join('\n  ')}\n  join: ${host.enter(['bash']).join(' ')}`
  })
  const links = lab.links.map(({ name, emulator }) => `${name} ${emulator}`)
  return [...hosts, `links: ${links.join(', ')}`].join('\n')
}

async function untilEnd(lab: Lab, signal: AbortSignal): Promise<void> {
  process.stdout.write('Ctrl-C or Ctrl-D ends the lab\n')
  const { stdin } = process
  const ended = new Promise<void>((resolve) => {
    stdin.once('end', resolve)
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
  stdin.resume()
  await Promise.race([ended, lab.ended])
  stdin.pause()
}

/** @returns the shell's exit code */
async function shell(host: LabHost, signal: AbortSignal): Promise<number> {
  const interactive = process.stdin.isTTY
  // neither profile nor rc file: they would set a prompt that does not say where one is
  const [file = '', ...rest] = host.enter([
    ...['env', '-C', process.cwd(), `PS1=${host.name}:\\w# `],
    ...['bash', '--norc', '--noprofile', ...(interactive ? ['-i'] : [])],
  ])
  const ended = await execa(file, rest, {
    stdio: 'inherit',
    reject: false,
    cancelSignal: signal,
  })
  return ended.exitCode ?? (ended.signal === undefined ? 1 : 128 + constants.signals[ended.signal])
}
