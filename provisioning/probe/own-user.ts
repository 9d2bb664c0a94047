/** Whether systemd can run this mptk as a user of its own (DynamicUser=, LoadCredential=). */
import type { Runner } from '../../src/exec.js'
import type { HostFacts } from '../facts.js'
import { under } from '../linux/unit-hardening.js'

const NOBODY = '65534'
const UNREADABLE = 1
const UNSHARED = 2

/**
 * Parameters: the command's files. Asked as somebody who has nothing, and taken for granted where
 * that cannot be asked. What systemd hands over is a mount below /run that must reach the
 * service: it does not in containers whose mounts are private.
 */
const ASK = `PATH=$PATH:/usr/sbin:/sbin
as_nobody() { setpriv --reuid=${NOBODY} --regid=${NOBODY} --clear-groups --inh-caps=-all "$@" 2>/dev/null; }
if as_nobody true; then
  as_nobody sh -c 'test -x "$1" && for each do test -r "$each" || exit 1; done' sh "$@" || exit ${UNREADABLE}
fi
[ -d /run/systemd/system ] || exit 0
awk '$5 == "/" || $5 == "/run" { shared[$5] = / shared:/ ? 1 : 2 }
  END { exit (shared["/run"] ? shared["/run"] : shared["/"]) == 2 }' /proc/1/mountinfo || exit ${UNSHARED}`

/** @throws {MptkError} MPTK_EXEC when the host cannot be reached */
export async function readOwnUser(
  runner: Runner,
  mptk: readonly string[],
): Promise<Pick<HostFacts, 'whyNoOwnUser'>> {
  const { exitCode } = await runner.run(['sh', '-c', ASK, 'sh', ...mptk], { reject: false })
  if (exitCode === UNSHARED) {
    return {
      whyNoOwnUser: 'mounts below /run do not reach it here, by which systemd would hand it its files',
    }
  }
  // there it would have a /tmp of its own and no homes of others
  const hidden = under(mptk, '/home', '/root', '/run/user', '/tmp', '/var/tmp')
  if (exitCode !== UNREADABLE && !hidden) return {}
  return {
    whyNoOwnUser: `nobody but root can run ${mptk.join(' ')} there: install mptk where everybody can, as below /usr/local`,
  }
}
