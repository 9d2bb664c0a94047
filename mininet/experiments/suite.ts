/** Several experiments, one after another, as one run. */
import type { Kernel } from '../../src/kernel/kernel.js'
import type { Experiment } from './experiment.js'
import { facilitiesOf } from './facilities.js'
import { describeMachine } from './machine.js'
import type { ExperimentResult, RunResult } from './result.js'
import { runExperiment, type RunObserver } from './runner.js'

export interface SuiteOptions {
  kernel: Kernel
  /** As typed; stands on the report. */
  command: string
  /** This program's version. */
  version: string
  quick: boolean
  repetitions?: number | undefined
  /** Ends the run early: the experiments that are left are in the result as not run. */
  signal: AbortSignal
  observer: RunObserver
}

export interface SuiteOutcome {
  result: RunResult
  /** Experiments of which anything failed or is missing. */
  incomplete: string[]
}

/** Never rejects for what an experiment does: each one's troubles are in its result. */
export async function runSuite(
  experiments: readonly Experiment[],
  options: SuiteOptions,
): Promise<SuiteOutcome> {
  const { kernel, command, version, quick, ...rest } = options
  const facilities = facilitiesOf(kernel)
  const emulators = new Set<string>()
  const results: ExperimentResult[] = []
  const incomplete: string[] = []
  for (const experiment of experiments) {
    const outcome = await runExperiment(experiment, { facilities, quick, ...rest })
    results.push(outcome.result)
    for (const emulator of outcome.emulators) emulators.add(emulator)
    if (!outcome.complete) incomplete.push(experiment.name)
  }
  const machine = await describeMachine(version, emulators)
  return { result: { command, quick, machine, experiments: results }, incomplete }
}
