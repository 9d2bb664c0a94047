/**
 * What an experiment is: data (a topology, variants, repetitions) and, per variant, what is
 * measured. The runner does everything else.
 */
import type { Lab } from '../lab.js'
import type { Topology } from '../topology.js'
import type { Facilities } from './facilities.js'
import type { ExperimentResult, Figure, NotRun, ResultTable, Sample } from './result.js'

/** Where a variant is measured: a running lab, whose links are as the topology has them. */
export interface Stage {
  lab: Lab
  facilities: Facilities
  /** For files; removed afterwards. */
  folder: string
  quick: boolean
  /** Aborted when the run is to end; commands in the lab's hosts end with the lab anyway. */
  signal: AbortSignal
}

export type Measurement = Pick<Sample, 'values' | 'series' | 'distributions'>

export interface Variant {
  /** Unique in its experiment. */
  name: string
  measure(stage: Stage): Promise<Measurement>
}

export type Description = Pick<ExperimentResult, 'name' | 'title' | 'description' | 'source'>

export interface Experiment extends Description {
  /** By name, as mininet/topologies has it, or made from one. */
  topology: string | ((base: (name: string) => Promise<Topology>) => Promise<Topology>)
  repetitions: { full: number; quick: number }
  /** In the order in which they take turns. One that this machine cannot run says why. */
  variants(facilities: Facilities, quick: boolean): (Variant | NotRun)[]
  /** Servers and files that all variants use. */
  prepare?(stage: Stage): Promise<void>
  /** From the samples alone, however many there are: a run may end before its time. */
  figures(samples: readonly Sample[]): Figure[]
  tables(samples: readonly Sample[]): ResultTable[]
}

export function isNotRun(planned: Variant | NotRun): planned is NotRun {
  return 'reason' in planned
}
