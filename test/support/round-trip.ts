/** A driver's contract, tried on this host: there and back, also when the way there ended early. */
import type { Test } from 'tap'
import type { Command, Resource } from '../../provisioning/resource.js'
import type { Driver, Json, Place } from '../../provisioning/linux/driver.js'
import { localRunner } from '../../src/exec.js'
import { hostState } from './host-state.js'

/** Those that a test works in: nothing but sh and the tools themselves. */
export function placeOf(state: string): Place {
  return { runner: localRunner, systemd: false, state }
}

export async function perform(commands: readonly Command[]): Promise<void> {
  for (const { argv, input } of commands) {
    await localRunner.run(argv, { ...(input === undefined ? {} : { input }), timeout: 60_000 })
  }
}

/** Probes, as the journal has it: what JSON cannot say is lost. */
export async function probe<R extends Resource, S extends Json>(
  driver: Driver<R, S>,
  resource: R,
  place: Place,
): Promise<S | null> {
  return JSON.parse(JSON.stringify(await driver.probe(place, resource))) as S | null
}

/**
 * Not there → applied → applied again is nothing → restored: byte by byte as before; and as
 * before too when only the first so many commands of the way there were run, none to all.
 */
export async function roundTrip<R extends Resource, S extends Json>(
  t: Test,
  driver: Driver<R, S>,
  resource: R,
  place: Place,
  ...folders: string[]
): Promise<void> {
  const before = await hostState(...folders)
  const state = await probe(driver, resource, place)
  t.notOk(driver.satisfied(state, resource), 'not there yet')
  t.equal(driver.conflict?.(state, resource), undefined, 'nothing stands in its way')
  const commands = driver.apply(state, resource, place)
  t.ok(commands.length > 0, 'something to do')
  for (let done = 0; done <= commands.length; done++) {
    await perform(commands.slice(0, done))
    if (done === commands.length) {
      const now = await probe(driver, resource, place)
      t.ok(driver.satisfied(now, resource), 'there')
      t.strictSame(driver.apply(now, resource, place), [], 'nothing to do a second time')
      t.equal(driver.conflict?.(now, resource), undefined, 'and not in its own way')
    }
    await perform(driver.restore(state, resource, place))
    t.equal(await hostState(...folders), before, `as before, after ${done} of ${commands.length} commands`)
    t.strictSame(await probe(driver, resource, place), state, 'and probed as before')
    // once more: the undo of an undo that was cut off
    await perform(driver.restore(state, resource, place))
    t.equal(await hostState(...folders), before, 'and after a second restore')
  }
}
