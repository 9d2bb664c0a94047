/** What this kernel offers to experiments, and why it does not offer the rest. */
import { describeError } from '../../src/errors.js'
import { lookAtKernel } from '../../src/kernel/automatic-congestion.js'
import type { Kernel, KernelReport, SocketWish } from '../../src/kernel/kernel.js'

/** Without a reason it can be used. */
export interface Facility {
  name: string
  reason?: string
}

export interface Facilities {
  flavour: Kernel['flavour']
  congestionControls: Facility[]
  /** The one of MPTCP sockets that do not ask for any. */
  defaultCongestion: string
  schedulers: Facility[]
}

/** Those that the thesis compares, coupled ones among them. */
const CONGESTION = ['cubic', 'olia', 'balia', 'wvegas', 'lia'] as const
const SCHEDULERS = ['default', 'redundant'] as const

export function facilitiesOf(kernel: Kernel): Facilities {
  const report = kernel.report()
  const { congestionControls, flavour } = report
  return {
    flavour,
    congestionControls: union(CONGESTION, congestionControls.available).map((name) =>
      facility(name, refusal(kernel, { congestion: name })),
    ),
    defaultCongestion: lookAtKernel().name ?? congestionControls.default,
    schedulers: union(SCHEDULERS, report.schedulers.available).map((name) =>
      facility(name, schedulerRefusal(kernel, report, name)),
    ),
  }
}

export function usable(facilities: readonly Facility[]): string[] {
  return facilities.filter(({ reason }) => reason === undefined).map(({ name }) => name)
}

/** One variant of each that can be used; what cannot be used stays in the list with its reason. */
export function forEachUsable<T>(
  facilities: readonly Facility[],
  make: (name: string) => T[],
): (T | { variant: string; reason: string })[] {
  return facilities.flatMap(({ name, reason }): (T | { variant: string; reason: string })[] =>
    reason === undefined ? make(name) : [{ variant: name, reason }],
  )
}

function facility(name: string, reason: string | undefined): Facility {
  return { name, ...(reason !== undefined && { reason }) }
}

function refusal(kernel: Kernel, wish: Partial<SocketWish>): string | undefined {
  try {
    kernel.check({ transport: 'mptcp', ...wish })
    return undefined
  } catch (error) {
    return describeError(error)
  }
}

/** Upstream chooses by sysctl for a whole network namespace, the out-of-tree kernel for a socket. */
function schedulerRefusal(
  kernel: Kernel,
  { flavour, schedulers }: KernelReport,
  name: string,
): string | undefined {
  if (flavour === 'out-of-tree') return refusal(kernel, { scheduler: { name, optional: false } })
  if (schedulers.available.includes(name)) return undefined
  const has = schedulers.available.length > 0 ? schedulers.available.join(', ') : 'none'
  return `scheduler: expected one that this kernel has, found "${name}"; it has ${has}`
}

function union(first: readonly string[], second: readonly string[]): string[] {
  return [...new Set([...first, ...second])]
}
