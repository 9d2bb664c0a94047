import { loadUsers } from '../../src/config/load.js'
import type { UsersConfig } from '../../src/config/service.js'
import type { PasswordGuard } from './password-guard.js'
import { Users } from './users.js'

/** The users of a service, or undefined for one that asks nobody. @throws {MptkError} MPTK_CONFIG_FILE, MPTK_CONFIG */
export async function usersOf(
  config: { users?: UsersConfig | undefined; usersFile?: string | undefined },
  guard: PasswordGuard,
): Promise<Users | undefined> {
  const { users, usersFile } = config
  if (users === undefined && usersFile === undefined) return undefined
  return new Users({ ...(usersFile !== undefined && (await loadUsers(usersFile))), ...users }, guard)
}
