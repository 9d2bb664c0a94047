import type { Experiment, Measurement } from '../../mininet/experiments/experiment.js'
import type { RunObserver } from '../../mininet/experiments/runner.js'

/** A line for each measurement, as it is done. */
export class LabProgress implements RunObserver {
  readonly #out: Pick<NodeJS.WriteStream, 'write'>
  #total = 0
  #done = 0
  #startedAt = 0

  constructor(out: Pick<NodeJS.WriteStream, 'write'>) {
    this.#out = out
  }

  starting({ name, title }: Experiment, measurements: number): void {
    this.#total = measurements
    this.#done = 0
    this.#startedAt = performance.now()
    this.#out.write(`${name}: ${title}, ${measurements} measurements\n`)
  }

  measured(variant: string, repetition: number, { values }: Measurement): void {
    const figures = Object.entries(values).map(
      ([name, value]) => `${name} ${Number.isFinite(value) ? Number(value.toPrecision(4)) : 'none'}`,
    )
    const which = repetition === 0 ? '' : ` #${repetition + 1}`
    this.#line(`${variant}${which}: ${figures.join(', ')}`)
  }

  failed(variant: string | undefined, reason: string): void {
    if (variant === undefined) this.#out.write(`  failed: ${reason}\n`)
    else this.#line(`${variant}: ${reason}`)
  }

  #line(text: string): void {
    const count = `${++this.#done}/${this.#total}`.padStart(2 * String(this.#total).length + 1)
    const seconds = Math.round((performance.now() - this.#startedAt) / 1000)
    this.#out.write(`  ${count} ${String(seconds).padStart(4)} s  ${text}\n`)
  }
}
