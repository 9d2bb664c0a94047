/** The files that a configuration names, read as the services will read them. */
import { describeError, errnoName } from '../errors.js'
import { loadPassword, loadUsers, type Mistake, type ReadText, type Warn } from './load.js'
import type { Config, ServiceConfig } from './schema.js'

interface NamedFile {
  /** The key that names it, as `upstream.passwordFile`. */
  key: string
  file: string
  holds: 'users' | 'password'
}

/** Files that a service reads at its start. */
export function filesOf(service: ServiceConfig): NamedFile[] {
  const found: NamedFile[] = []
  if ('usersFile' in service && service.usersFile !== undefined) {
    found.push({ key: 'usersFile', file: service.usersFile, holds: 'users' })
  }
  if ('upstream' in service && service.upstream?.passwordFile !== undefined) {
    found.push({ key: 'upstream.passwordFile', file: service.upstream.passwordFile, holds: 'password' })
  }
  return found
}

/** `denied`: this user may not read it, which says nothing of what is in it. */
export type FileMistake = Mistake & { denied: boolean }

/** What is wrong with them, a line of text each. @param warn takes what is no mistake, as a secret that everybody may read @param read where they are on another host */
export async function fileMistakes(
  { services }: Config,
  warn?: Warn,
  read?: ReadText,
): Promise<FileMistake[]> {
  const named = services.flatMap((service, index) =>
    filesOf(service).map((each) => ({ ...each, path: `services[${index}].${each.key}` })),
  )
  const found = await Promise.all(
    named.map(async ({ path, file, holds }) => {
      try {
        await (holds === 'users' ? loadUsers(file, warn, read) : loadPassword(file, warn, read))
        return []
      } catch (error) {
        const denied = error instanceof Error && errnoName(error.cause) === 'EACCES'
        return describeError(error)
          .split('\n')
          .map((text) => ({ path, text, denied }))
      }
    }),
  )
  return found.flat()
}
