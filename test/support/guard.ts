/** The guard of an apply that waits for confirmation, as a test sees it from outside. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { until } from './until.js'

export interface Guard {
  kind: string
  /** A process id, or a unit. */
  who: string
  token: string
}

export function guardOf(state: string): Guard {
  const name = readdirSync(state).find((each) => each.startsWith('guard-')) ?? ''
  const [kind = '', who = ''] = readFileSync(join(state, name), 'utf8').trim().split(' ')
  return { kind, who, token: name.slice('guard-'.length) }
}

/** As if so many seconds were left of the time to confirm. */
export async function setTimeLeft(state: string, seconds: number, pid: string): Promise<void> {
  const now = Math.floor(Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]))
  const { token } = guardOf(state)
  await until('its sleep', () => {
    const [sleep] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')
    if (sleep === undefined || sleep === '') return 'not begun'
    if (readFileSync(`/proc/${sleep}/comm`, 'utf8') !== 'sleep\n') return 'about to begin'
    writeFileSync(join(state, `deadline-${token}`), `${now + seconds}\n`)
    // it sleeps until the deadline that it knew
    process.kill(Number(sleep), 'SIGTERM')
    return undefined
  })
}

/** As if the time to confirm were over. */
export async function endWait(state: string): Promise<void> {
  await setTimeLeft(state, 0, guardOf(state).who)
}
