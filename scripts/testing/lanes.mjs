/**
 * Jobs side by side: measured ones one at a time, free ones in the lanes that are left, and the
 * lonely ones when nothing else runs. Lab measurements send some 30 Mbit/s and leave a core idle.
 */
import { availableParallelism } from 'node:os'

/**
 * @template Job
 * @param {{ free: Job[], measured: Job[], alone: Job[] }} jobs
 * @param {(job: Job) => Promise<void>} run never rejects
 */
export async function runInLanes(
  { free, measured, alone },
  run,
  lanes = Math.max(2, availableParallelism()),
) {
  const [waiting, slow] = [[...free], [...measured]]
  async function drain(...queues) {
    for (;;) {
      const queue = queues.find((each) => each.length > 0)
      if (queue === undefined) return
      await run(queue.shift())
    }
  }
  await Promise.all([drain(slow, waiting), ...Array.from({ length: lanes - 1 }, () => drain(waiting))])
  for (const job of alone) await run(job)
}
