/**
 * `congestion: auto`, what every MPTCP socket of ours has unless a name was given: bbr where the
 * kernel has it or can load it, else the kernel's own default. Loss-based controls (cubic, reno)
 * leave lines with loss or much delay nearly empty, and a connection over several lines may then
 * be slower than over the best of them alone (measured: docs/experiments.md). Sockets that are
 * opened as TCP keep the kernel's default.
 */
import { release } from 'node:os'
import { errnoName } from '../errors.js'
import { native } from '../native.js'
import { ALLOWED, congestionControls, type CongestionControls } from './congestion.js'
import { AUTOMATIC, type OpenedSocket, type SocketWish } from './kernel.js'
import { SOL_TCP, TCP_CONGESTION, withProbe } from './options.js'
import { readProc } from './sysctl.js'

/** The control that is wanted, and the module it is in where it is one. */
export const WANTED = 'bbr'
export const WANTED_MODULE = `tcp_${WANTED}`

/** The wanted control, or why this process does not get it, and the command that would help where there is one. */
export type Choice = { name: string } | Without
export interface Without {
  name: undefined
  reason: string
  mend?: string
}

/** What the choice is made from. */
export interface ChoiceFacts {
  /** Errno name of choosing the wanted control for a socket; undefined when that worked. */
  failure: string | undefined
  controls: Pick<CongestionControls, 'allowed'>
  /** The wanted control is a module of this kernel that could be loaded. */
  loadable: boolean
}

export function choose({ failure, controls: { allowed }, loadable }: ChoiceFacts): Choice {
  if (failure === undefined) return { name: WANTED }
  const without = (reason: string, mend?: string): Without => ({
    name: undefined,
    reason,
    ...(mend !== undefined && { mend }),
  })
  if (failure === 'EPERM') {
    // seen in the initial network namespace only, where it is never empty
    return allowed.length > 0
      ? without(
          `${WANTED} needs CAP_NET_ADMIN, because it is not in ${ALLOWED}`,
          `sysctl -w ${ALLOWED}="${[...allowed, WANTED].join(' ')}"`,
        )
      : without(`${WANTED} needs CAP_NET_ADMIN, unless it is in ${ALLOWED} of the initial network namespace`)
  }
  if (failure !== 'ENOENT') return without(`the kernel refuses ${WANTED} (${failure})`)
  return loadable
    ? without(`${WANTED} is not loaded`, `modprobe ${WANTED_MODULE}`)
    : without(`this kernel has no ${WANTED} (CONFIG_TCP_CONG_BBR; on OpenWrt the package kmod-tcp-bbr)`)
}

/** What `mptk run` says once at its start when it has to do without. */
export function withoutWanted({ reason, mend }: Without, inForce: string): string {
  const words = `congestion: auto: ${reason}; MPTCP sockets keep the kernel's ${inForce}, with which several lines can be slower than the best of them`
  return mend === undefined ? words : `${words}; it takes: ${mend}`
}

/** Asks the kernel by a socket of its own; a privileged process makes the kernel load the module by that. */
export function askKernel(): Choice {
  return choose({ failure: attempt(), controls: congestionControls(), loadable: wantedIsLoadable() })
}

/** As {@link askKernel}, by a socket only where nothing has to be loaded for it. */
export function lookAtKernel(): Choice {
  const controls = congestionControls()
  if (controls.available.includes(WANTED)) return askKernel()
  return choose({ failure: 'ENOENT', controls, loadable: wantedIsLoadable() })
}

function attempt(): string | undefined {
  try {
    withProbe((fd) => native.setOption(fd, SOL_TCP, TCP_CONGESTION, Buffer.from(WANTED)))
    return undefined
  } catch (error) {
    return errnoName(error) ?? String(error)
  }
}

/** By the list that depmod made: nothing is loaded by looking. */
export function wantedIsLoadable(): boolean {
  const list = readProc(`/lib/modules/${release()}/modules.dep`) ?? ''
  return list.split('\n').some((line) => line.split(':')[0]?.includes(`/${WANTED_MODULE}.ko`))
}

/** Kept, because asking in vain makes the kernel start modprobe each time. */
let chosen: Choice | undefined

/** @returns the warning when a wish leaves the choice to us and the wanted control is not to be had; asks anew */
export function checkAutomatic(wish: SocketWish): string[] {
  if (!isAutomatic(wish)) return []
  chosen = askKernel()
  return chosen.name === undefined ? [withoutWanted(chosen, congestionControls().default)] : []
}

/** Sets the choice on a socket that speaks MPTCP, as far as the kernel takes it (not before 5.15), and returns it. */
export function automatically(fd: number, wish: SocketWish): number {
  if (!isAutomatic(wish)) return fd
  chosen ??= askKernel()
  if (chosen.name !== undefined) set(fd, chosen.name)
  return fd
}

/**
 * What clients of a listener that come without MPTCP are given back: the kernel's default, where
 * they would inherit our choice of the listener. Undefined where there is nothing to give back.
 */
export function congestionOfPlainClients(
  wish: SocketWish,
  { protocol }: Pick<OpenedSocket, 'protocol'>,
): string | undefined {
  if (protocol !== 'mptcp' || !isAutomatic(wish)) return undefined
  const inForce = congestionControls().default
  return chosen?.name === undefined || inForce === '' || inForce === chosen.name ? undefined : inForce
}

/** Best effort: a connection with another congestion control is one all the same. */
export function giveBack(fd: number, name: string): void {
  set(fd, name)
}

function set(fd: number, name: string): void {
  try {
    native.setOption(fd, SOL_TCP, TCP_CONGESTION, Buffer.from(name))
  } catch {
    // it has gone by then, or MPTCP sockets of this kernel take no congestion control
  }
}

function isAutomatic({ transport, congestion = AUTOMATIC }: SocketWish): boolean {
  return transport === 'mptcp' && congestion === AUTOMATIC
}
