/**
 * A network namespace for the whole run: a loopback of its own, whose ports no other program
 * takes and whose connections in TIME_WAIT hold up nobody. It is gone when the run is.
 */
import { writeFileSync } from 'node:fs'
import { execa, execaSync } from 'execa'

const MARK = 'MPTK_BENCH_ISOLATED'

export const isolated = (): boolean => process.env[MARK] !== undefined

/** Runs this very command again inside; its exit code becomes ours. @throws without the right to make a namespace */
export async function isolate(): Promise<void> {
  const again = [process.execPath, ...process.execArgv, ...process.argv.slice(1)]
  const { exitCode, failed } = await execa('unshare', ['--net', '--', ...again], {
    stdio: 'inherit',
    env: { [MARK]: '1' },
    reject: false,
  })
  if (failed) process.exitCode = exitCode ?? 1
}

/** Inside: loopback up, and ports enough for 10,000 connections on either side of a proxy. */
export function prepareNamespace(): void {
  execaSync('ip', ['link', 'set', 'lo', 'up'])
  writeFileSync('/proc/sys/net/ipv4/ip_local_port_range', '10000 65000')
}
