import { MptkError } from '../../src/errors.js'
import { loadUsers } from '../../src/config/load.js'
import type { UsersConfig } from '../../src/config/service.js'
import type { PasswordGuard } from './password-guard.js'
import { Users } from './users.js'

/**
 * The users of a service, or undefined for one that asks nobody.
 * @param nameProblem why a name in the file cannot be one of this service's
 * @throws {MptkError} MPTK_CONFIG_FILE, MPTK_CONFIG
 */
export async function usersOf(
  config: { users?: UsersConfig | undefined; usersFile?: string | undefined },
  guard: PasswordGuard,
  nameProblem: (name: string) => string | undefined = () => undefined,
): Promise<Users | undefined> {
  const { users, usersFile } = config
  if (users === undefined && usersFile === undefined) return undefined
  const more = usersFile === undefined ? {} : await loadUsers(usersFile)
  for (const name of Object.keys(more)) {
    const problem = nameProblem(name)
    if (problem !== undefined) throw new MptkError('MPTK_CONFIG', `${usersFile ?? ''}: users: ${problem}`)
  }
  return new Users({ ...more, ...users }, guard)
}
