/** On what and with what the figures were taken. */
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os'
import { readFileSync } from 'node:fs'
import { execa } from 'execa'

const VERSIONS: [name: string, ...argv: string[]][] = [
  ['haproxy', 'haproxy', '-v'],
  ['dante', 'danted', '-v'],
  ['nginx', 'nginx', '-v'],
  ['microsocks', 'dpkg-query', '-W', '-f', '${Version}', 'microsocks'],
  ['mptcpize', 'dpkg-query', '-W', '-f', '${Version}', 'mptcpize'],
  ['wrk', 'dpkg-query', '-W', '-f', '${Version}', 'wrk'],
]

async function version([name, file, ...args]: [string, ...string[]]): Promise<string> {
  const { all, failed } = await execa(file ?? name, args, { all: true, reject: false })
  const found = /\d+\.\d+[\w.+~:-]*/.exec(all)?.[0]
  return `${name} ${failed || found === undefined ? 'missing' : found}`
}

const sysctl = (name: string): string => readFileSync(`/proc/sys/${name}`, 'utf8').trim()

/** One line each: machine, programs, kernel settings that matter. */
export async function describeMachine(): Promise<string[]> {
  const programs = await Promise.all(VERSIONS.map(version))
  const memory = (totalmem() / 2 ** 30).toFixed(0)
  return [
    `Linux ${release()}, ${availableParallelism()} cores ${cpus()[0]?.model.trim() ?? '(unknown)'}, ${memory} GiB, Node ${process.versions.node}`,
    programs.join(', '),
    `congestion control ${sysctl('net/ipv4/tcp_congestion_control')}, load ${loadavg()[0]?.toFixed(2) ?? '?'} at the start`,
  ]
}
