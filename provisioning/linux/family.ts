/** What `ip` lists of one address family, also on a kernel that does not have it. */
import { MptkError } from '../../src/errors.js'
import type { Runner } from '../../src/exec.js'

/** EAFNOSUPPORT as every C library words it; ip has no other way to tell. */
const NOT_SUPPORTED = /Address family not supported by protocol/

/**
 * Empty for IPv6 that is switched off (ipv6.disable=1, or its module is not loaded): the kernel then
 * answers EAFNOSUPPORT. Every other failure is one: what could not be listed is not "none".
 * @throws {MptkError} MPTK_EXEC
 */
export async function listFamily(runner: Runner, argv: readonly string[]): Promise<string> {
  const { stdout, stderr, exitCode } = await runner.run(argv, { reject: false })
  if (exitCode === 0) return stdout
  if (NOT_SUPPORTED.test(stderr)) return ''
  const said = stderr
    .trim()
    .split(/\s*\n\s*/)
    .slice(-3)
    .join('; ')
  throw new MptkError(
    'MPTK_EXEC',
    `${argv.join(' ')}: exit code ${exitCode}${said === '' ? '' : `: ${said}`}`,
  )
}
