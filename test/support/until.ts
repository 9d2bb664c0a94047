import { setTimeout as sleep } from 'node:timers/promises'

/** How often a condition is asked for, and how long at most, milliseconds. */
const INTERVAL = 50
const PATIENCE = 30_000

/**
 * Waits until `probe` finds nothing wrong.
 * @param probe what is still wrong, or undefined
 * @throws with the last complaint when the patience is at its end
 */
export async function until(
  what: string,
  probe: () => string | undefined | Promise<string | undefined>,
  patience = PATIENCE,
): Promise<void> {
  const deadline = performance.now() + patience
  for (;;) {
    const complaint = await probe()
    if (complaint === undefined) return
    if (performance.now() > deadline) throw new Error(`${what}: still ${complaint} after ${patience} ms`)
    await sleep(INTERVAL)
  }
}
