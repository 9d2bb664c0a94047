/** A client's user name and password, whatever protocol carried them. */
import { MptkError } from '../../src/errors.js'
import { sleep } from '../../src/net/cancel.js'
import type { Connection, Leaving } from '../../src/net/connection.js'
import type { Users, Verdict } from './users.js'

/**
 * Whether the client may pass, when it may be told. Ends when the client leaves.
 * @param leaving what counts as that until the password is judged; it still gets its answer
 *   afterwards, should it have ended its direction only
 * @throws what ended the connection
 */
export async function logIn(
  client: Connection,
  users: Users,
  { username, password }: { username: string; password: string },
  leaving: Leaving,
): Promise<Verdict> {
  const began = users.now()
  const source = client.remote.address
  const verdict = await client.attend(leaving, (signal) =>
    users.verify(username, password, { source, signal }),
  )
  const pause = verdict === 'right' ? 0 : users.pause(began)
  if (pause > 0) await client.attend('break', (signal) => sleep(pause, signal))
  return verdict
}

/** What a session ends with whose client may not pass; its record is a warning. */
export class LogInRefused extends MptkError {
  constructor(verdict: Exclude<Verdict, 'right'>, username: string) {
    const why = verdict === 'wrong' ? 'wrong user name or password' : `${verdict} from this address`
    super('MPTK_HANDSHAKE', `${why} (user ${JSON.stringify(username)})`)
  }
}
