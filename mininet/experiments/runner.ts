/** Runs one experiment: builds its lab, gives each variant its turn, and makes tables and figures of what was measured. */
import { rm } from 'node:fs/promises'
import { describeError } from '../../src/errors.js'
import { Lab, readTopology } from '../lab.js'
import { parseTopology, type Topology } from '../topology.js'
import { isNotRun, type Experiment, type Measurement, type Stage, type Variant } from './experiment.js'
import type { Facilities } from './facilities.js'
import type { ExperimentResult, NotRun, Sample } from './result.js'
import { temporaryFolder } from './temporary-folder.js'

export interface RunOptions {
  facilities: Facilities
  quick: boolean
  /** In place of the experiment's own number. */
  repetitions?: number | undefined
  signal: AbortSignal
  observer: RunObserver
}

export interface RunObserver {
  /** The experiment's lab is being built. */
  starting(experiment: Experiment, measurements: number): void
  measured(variant: string, repetition: number, measurement: Measurement): void
  failed(variant: string | undefined, reason: string): void
}

export interface Outcome {
  result: ExperimentResult
  /** False when anything went wrong or the run was ended before its time. */
  complete: boolean
  /** What emulated the links. */
  emulators: string[]
}

/** Never rejects: what went wrong is in the result, with what had been measured by then. */
export async function runExperiment(experiment: Experiment, options: RunOptions): Promise<Outcome> {
  const run = new ExperimentRun(experiment, options)
  await run.run()
  return run.outcome()
}

class ExperimentRun {
  readonly #experiment: Experiment
  readonly #options: RunOptions
  readonly #variants: Variant[]
  readonly #unavailable: NotRun[]
  readonly #repetitions: number
  readonly #samples: Sample[] = []
  readonly #problems = new Map<string, string>()
  readonly #startedAt = new Date()
  /** performance.now(): the clock may be set while the experiment runs. */
  readonly #started = performance.now()
  #emulators: string[] = []
  /** Why the run as a whole came to an early end. */
  #broken: string | undefined

  constructor(experiment: Experiment, options: RunOptions) {
    this.#experiment = experiment
    this.#options = options
    const planned = experiment.variants(options.facilities, options.quick)
    this.#variants = planned.flatMap((each) => (isNotRun(each) ? [] : [each]))
    this.#unavailable = planned.filter(isNotRun)
    this.#repetitions = options.repetitions ?? experiment.repetitions[options.quick ? 'quick' : 'full']
  }

  async run(): Promise<void> {
    const { signal, observer } = this.#options
    observer.starting(this.#experiment, this.#variants.length * this.#repetitions)
    try {
      signal.throwIfAborted()
      const topology = await topologyOf(this.#experiment)
      const folder = await temporaryFolder()
      try {
        await using lab = await Lab.start(topology, { signal })
        await this.#inLab(lab, folder)
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
    } catch (error) {
      this.#broken = signal.aborted ? 'interrupted' : describeError(error)
      if (!signal.aborted) observer.failed(undefined, this.#broken)
    }
  }

  async #inLab(lab: Lab, folder: string): Promise<void> {
    const { facilities, quick, signal } = this.#options
    this.#emulators = [...new Set(lab.links.map(({ emulator }) => emulator))]
    const stage: Stage = { lab, facilities, folder, quick, signal }
    try {
      await this.#experiment.prepare?.(stage)
      for (let repetition = 0; repetition < this.#repetitions; repetition++) {
        // variants take turns, so that all of them meet the same machine
        for (const variant of this.#variants) {
          signal.throwIfAborted()
          for (const link of lab.links) await link.restore()
          await this.#measure(stage, variant, repetition)
        }
      }
    } catch (error) {
      signal.throwIfAborted()
      await confirm(lab)
      throw error
    }
  }

  async #measure(stage: Stage, variant: Variant, repetition: number): Promise<void> {
    const { observer, signal } = this.#options
    try {
      const measurement = await variant.measure(stage)
      this.#samples.push({ variant: variant.name, repetition, ...measurement })
      observer.measured(variant.name, repetition, measurement)
    } catch (error) {
      signal.throwIfAborted()
      // one measurement that fails is no reason to give up the others; a lab that is gone is
      await confirm(stage.lab)
      const reason = `failed in repetition ${repetition + 1}: ${describeError(error)}`
      this.#problems.set(variant.name, reason)
      observer.failed(variant.name, reason)
    }
  }

  outcome(): Outcome {
    const { name, title, description, source } = this.#experiment
    const problems = this.#variants.flatMap(({ name: variant }): NotRun[] => {
      const reason = this.#problems.get(variant) ?? this.#missing(variant)
      return reason === undefined ? [] : [{ variant, reason }]
    })
    return {
      result: {
        ...{ name, title, description, source },
        startedAt: this.#startedAt.toISOString(),
        seconds: (performance.now() - this.#started) / 1000,
        samples: this.#samples,
        notRun: [...this.#unavailable, ...problems],
        figures: this.#experiment.figures(this.#samples),
        tables: this.#experiment.tables(this.#samples),
      },
      complete: problems.length === 0 && this.#broken === undefined,
      emulators: this.#emulators,
    }
  }

  /** What an early end left unmeasured. */
  #missing(variant: string): string | undefined {
    const done = this.#samples.filter((sample) => sample.variant === variant).length
    if (done === this.#repetitions || this.#broken === undefined) return undefined
    return done === 0 ? this.#broken : `${this.#broken} after ${done} of ${this.#repetitions} repetitions`
  }
}

/**
 * What fails because the lab is going is better told by why it goes: asked for anything, a lab
 * that is going answers when it has gone.
 * @throws {MptkError} MPTK_LAB with that reason
 */
async function confirm(lab: Lab): Promise<void> {
  await lab.links[0]?.restore()
}

async function topologyOf({ topology }: Experiment): Promise<Topology> {
  return typeof topology === 'string' ? readTopology(topology) : parseTopology(await topology(readTopology))
}
