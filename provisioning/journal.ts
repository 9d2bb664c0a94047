/**
 * The record of what was there before anything was changed. It is on the disk before the first
 * change is made, so that whatever happens then, everything can be put back.
 */
import { z } from 'zod'
import { describeError, MptkError } from '../src/errors.js'
import type { EnginePlace } from './engine-place.js'
import type { Json } from './linux/driver.js'
import { outlivesBoot, type Resource } from './resource.js'

export interface JournalStep {
  id: string
  resource: Resource
  /** What there was before the first apply that wanted the resource; null when there was nothing. */
  previous: Json
}

export interface Journal {
  version: 1
  epoch: string
  netns?: string | undefined
  /** Name of the configuration it was made from. */
  config: string
  /**
   * `applying`: under way, or interrupted. `pending`: done, and undone again unless confirmed.
   * `applied`: done.
   */
  state: 'applying' | 'pending' | 'applied'
  steps: JournalStep[]
  /** What was so already: not ours to put back, but kept while `mptk run` or `mptk keep` runs. */
  already?: Resource[] | undefined
  /** Until it is done and confirmed: what there was before this very apply, in its order. */
  before?: JournalStep[] | undefined
  /** Names the wait for confirmation. */
  token?: string | undefined
}

const resource = z.custom<Resource>((value) => typeof value === 'object' && value !== null && 'kind' in value)

const step = z.object({
  id: z.string(),
  resource,
  previous: z.json(),
})

const journal = z.object({
  version: z.literal(1),
  epoch: z.string(),
  netns: z.string().optional(),
  config: z.string(),
  state: z.enum(['applying', 'pending', 'applied']),
  steps: z.array(step),
  already: z.array(resource).optional(),
  before: z.array(step).optional(),
  token: z
    .string()
    .regex(/^[0-9a-f]+$/)
    .optional(),
})

/** @param name of the file, for the message @throws {MptkError} MPTK_JOURNAL */
export function parseJournal(text: string, name: string): Journal {
  try {
    return journal.parse(JSON.parse(text))
  } catch (cause) {
    const why = cause instanceof z.ZodError ? z.prettifyError(cause).split('\n')[0] : describeError(cause)
    throw new MptkError(
      'MPTK_JOURNAL',
      `${name} is not a journal of this version of mptk (${why ?? ''}): undo.sh beside it puts back what was there before`,
      { cause },
    )
  }
}

export function journalText(value: Journal): string {
  return `${JSON.stringify(value, null, 1)}\n`
}

/** What of it still stands: after a reboot only what outlives one. */
export function stillStanding(
  steps: readonly JournalStep[],
  epoch: string,
  place: EnginePlace,
): JournalStep[] {
  return epoch === place.epoch ? [...steps] : steps.filter(({ resource }) => outlivesBoot(resource))
}
