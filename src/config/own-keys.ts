/** Keys that JavaScript means something else by. */
import { MptkError } from '../errors.js'

/**
 * `__proto__` as the name of a user, an interface, a site: objects take it for their prototype and
 * the checks of maps pass over it, so that whoever wrote it would have what he never asked for.
 * Other names that objects have (`constructor`, `toString`) are keys like any other.
 * @throws {MptkError} MPTK_CONFIG
 */
export function refuseProto(value: unknown, origin: string): void {
  walk(value, origin, '', new Set())
}

/** @param seen aliases of YAML can make one map appear in many places, and in itself */
function walk(value: unknown, origin: string, path: string, seen: Set<object>): void {
  if (typeof value !== 'object' || value === null || seen.has(value)) return
  seen.add(value)
  for (const key of Object.getOwnPropertyNames(value)) {
    if (Array.isArray(value) && key === 'length') continue
    const here = Array.isArray(value) ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`
    if (key === '__proto__') {
      throw new MptkError('MPTK_CONFIG', `${origin}: ${here}: expected another name, found __proto__`)
    }
    walk((value as Record<string, unknown>)[key], origin, here, seen)
  }
}
