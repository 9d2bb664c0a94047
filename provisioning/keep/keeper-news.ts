/** What is new in the keeper's file since it was read last, and whether the keeper still tells: pure. */
import { describeError, errnoName } from '../../src/errors.js'
import type { UplinkStatus } from '../uplinks/keeper.js'
import type { KeepFile } from './state-file.js'

/** It writes every two seconds: after so long without a word, ms, it is silent. */
export const SILENT = 10_000

export type KeeperState =
  | { state: 'keeps'; at: string }
  | { state: 'silent'; at: string }
  | { state: 'not there' }
  | { state: 'unreadable'; why: string }

/** @param now on the clock of the file */
export function keeperState(found: KeepFile | Error, now: number): KeeperState {
  if (found instanceof Error) {
    if (errnoName(found) === 'ENOENT') return { state: 'not there' }
    return { state: 'unreadable', why: describeError(found).split('\n')[0] ?? '' }
  }
  const { at, clock } = found
  // a clock ahead of ours is of another boot
  return now - clock > SILENT || clock > now + SILENT ? { state: 'silent', at } : { state: 'keeps', at }
}

/** For the log; undefined when the state is the same. */
export function keeperWords(before: KeeperState | undefined, now: KeeperState): string | undefined {
  if (before?.state === now.state) return undefined
  switch (now.state) {
    case 'keeps':
      return 'the keeper keeps this host'
    case 'silent':
      return `the keeper is silent since ${now.at}: nothing is kept right meanwhile (mptk keep)`
    case 'not there':
      return 'the keeper has not told anything: nothing is kept right meanwhile (mptk keep)'
    case 'unreadable':
      return `what the keeper tells cannot be read: ${now.why}`
  }
}

/** Uplinks that are in another state, or have other addresses or gateways, than before. */
export function changedUplinks(
  before: readonly UplinkStatus[],
  now: readonly UplinkStatus[],
): { uplink: UplinkStatus; first: boolean }[] {
  return now.flatMap((uplink) => {
    const old = before.find(({ name }) => name === uplink.name)
    const same =
      old?.state === uplink.state &&
      old.addresses.join() === uplink.addresses.join() &&
      old.gateways.join() === uplink.gateways.join()
    return same ? [] : [{ uplink, first: old === undefined }]
  })
}

/** How much each count has grown; a keeper that has started anew counts from 0. */
export function growth(
  before: Readonly<Record<string, number>>,
  now: Readonly<Record<string, number>>,
): [name: string, by: number][] {
  return Object.entries(now).flatMap(([name, count]) => {
    const old = before[name] ?? 0
    const by = count < old ? count : count - old
    return by === 0 ? [] : [[name, by] as [string, number]]
  })
}
