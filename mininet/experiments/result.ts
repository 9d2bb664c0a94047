/**
 * What an experiment leaves behind: the contract between the experiments, which measure, and the
 * report, which shows. Written to `results.json` as it is.
 */

/** Raw values of one repetition of one variant; names as the experiment declares them, units in them (`mbit`, `ms`, `s`). */
export interface Sample {
  variant: string
  /** 0 for the first. */
  repetition: number
  /** One figure each, e.g. `{ goodputMbit: 27.9 }`. */
  values: Record<string, number>
  /** Figures over time, e.g. `{ mbit: [[0.5, 27.1], [1.0, 28.0]] }`: seconds since the start, value. */
  series?: Record<string, [seconds: number, value: number][]>
  /** Distributions, e.g. `{ rttMs: [21.2, 20.9] }`. */
  distributions?: Record<string, number[]>
}

/** A variant this machine cannot run; it is listed everywhere, never left out silently. */
export interface NotRun {
  variant: string
  reason: string
}

export type Figure =
  | {
      kind: 'lines'
      title: string
      x: string
      y: string
      series: { name: string; points: [number, number][] }[]
      /** Thesis's figure or other source it corresponds to. */
      source?: string
    }
  | { kind: 'boxes'; title: string; y: string; groups: { name: string; values: number[] }[]; source?: string }
  | {
      kind: 'bars'
      title: string
      y: string
      bars: { name: string; value: number; reference?: number }[]
      source?: string
    }
  | {
      kind: 'heat'
      title: string
      x: { label: string; ticks: string[] }
      y: { label: string; ticks: string[] }
      /** values[row of y][column of x]; null where not measured. */
      values: (number | null)[][]
      /** The value at which colour turns, e.g. 1 for bonded ÷ best single path. */
      middle: number
      source?: string
    }

export interface ResultTable {
  title: string
  head: string[]
  rows: (string | number | null)[][]
  /** Below the table: what differs from the source's conditions. */
  notes?: string[]
}

export interface Machine {
  cpu: string
  cores: number
  memoryGiB: number
  kernel: string
  node: string
  mptk: string
  /** Program to version, of all that measured or was measured. */
  versions: Record<string, string>
  /** How links were emulated: `linkem`, `netem`, `htb`. */
  links: string
}

export interface ExperimentResult {
  /** `single`, `congestion`, … */
  name: string
  title: string
  /** What is asked and how it is measured, a paragraph. */
  description: string
  /** `thesis §9.1`. */
  source: string
  startedAt: string
  seconds: number
  samples: Sample[]
  notRun: NotRun[]
  figures: Figure[]
  tables: ResultTable[]
}

/** One `mptk lab run`. */
export interface RunResult {
  /** The command as typed. */
  command: string
  quick: boolean
  machine: Machine
  experiments: ExperimentResult[]
}
