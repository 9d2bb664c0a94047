/** Whether a configuration itself holds what nobody else must read. */
import type { Config } from './schema.js'

const SECRET_KEYS: ReadonlySet<string> = new Set(['password', 'passwordHash'])

export function hasSecrets(config: Config): boolean {
  return holdsSecret(config.services)
}

function holdsSecret(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return Object.entries(value).some(
    ([key, each]) => (SECRET_KEYS.has(key) && typeof each === 'string') || holdsSecret(each),
  )
}
