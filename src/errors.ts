/**
 * The one catalogue of this project's own errors: stable codes with their meaning.
 * Codes are never reused. Errors of the kernel keep their errno name instead
 * (see {@link isSystemError}).
 */
export const ERRORS = {
  MPTK_ADDRESS: 'an address, port or prefix could not be understood',
  MPTK_CONFIG: 'the configuration has an unknown key or a wrong value',
  MPTK_CONFIG_FILE: 'the configuration file could not be read or is not YAML',
  MPTK_UNTRUSTED_FILE: 'a file or folder that others may change was refused',
  MPTK_USAGE: 'the command line has an unknown option or a wrong value',
  MPTK_OPEN_PROXY: 'a listener that anybody could use was refused',
  MPTK_LISTEN: 'a listener could not be opened',
  MPTK_MPTCP_REQUIRED: 'MPTCP is required and this kernel or connection has none',
  MPTK_KERNEL_UNSUPPORTED: 'this kernel cannot do what the configuration asks for',
  MPTK_RESOLVE: 'a name could not be resolved',
  MPTK_DENIED: 'a rule does not allow the destination',
  MPTK_TIMEOUT: 'a time limit passed',
  MPTK_LIMIT: 'a limit on connections is reached',
  MPTK_LEFT: 'a client left while something was done for it',
  MPTK_HANDSHAKE: 'a peer broke the protocol of the handshake',
  MPTK_UPSTREAM: 'the upstream proxy refused or broke the protocol',
  MPTK_NATIVE: 'the native core is missing or was built for another Node',
  MPTK_NETLINK: 'a netlink answer could not be understood',
  MPTK_EXEC: 'a command could not be run or failed',
  MPTK_LAB: 'the lab could not be built or a lab command failed',
  MPTK_HOST: 'the host cannot be what the description wants, and nothing was changed',
  MPTK_APPLY: 'a step of an apply or revert failed',
  MPTK_JOURNAL: 'the journal of what was applied cannot be read, or somebody else holds it',
  MPTK_NOT_INTERCEPTED: 'a connection reached a transparent listener without having been redirected there',
  MPTK_PATH_TEST: 'a path could not be tested',
  MPTK_PERF: 'a traffic test was refused, broke off or was interrupted',
} as const satisfies Record<`MPTK_${string}`, string>

export type ErrorCode = keyof typeof ERRORS

/** An error of this project's own. `message` is one line that names the field or address. */
export class MptkError extends Error {
  override readonly name = 'MptkError'
  constructor(
    readonly code: ErrorCode,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options)
  }
}

/** What the native core and Node throw for a failed system call. */
export interface SystemError extends Error {
  /** errno name, e.g. `ECONNREFUSED`. */
  code: string
  /** errno value, positive from the native core, negative from libuv. */
  errno: number
  syscall: string
  /** `10.0.0.1:80`, `[2001:db8::1]:80`; present when the call concerns an address. */
  address?: string
}

export function isSystemError(error: unknown): error is SystemError {
  return (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'string' &&
    'syscall' in error &&
    typeof error.syscall === 'string'
  )
}

/** The errno name of a failed system call, or undefined for any other error. */
export function errnoName(error: unknown): string | undefined {
  return isSystemError(error) ? error.code : undefined
}

/** One line that says what went wrong, for a log line or a terminal. */
export function describeError(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
