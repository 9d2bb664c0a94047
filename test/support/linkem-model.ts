/** The link emulator's model on a clock of its own (linkem-model.c): exact figures, no devices, no root. */
import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import { statistics, type DirectionStatistics } from './linkem-statistics.js'

const native = fileURLToPath(new URL('../../native/linkem/', import.meta.url))
const driver = fileURLToPath(new URL('./linkem-model.c', import.meta.url))

export interface Delivery {
  /** Nanoseconds. */
  at: number
  direction: 'a>b' | 'b>a'
  /** Counts the packets sent into the same end, from 0, lost ones too. */
  number: number
  length: number
}

export interface Outcome {
  deliveries: Delivery[]
  /** Answers to `set` and `stats`, in order; the last one is the statistics at the end. */
  answers: unknown[]
  ab: DirectionStatistics
  ba: DirectionStatistics
}

/** Builds the driver with sanitizers in a directory. @returns its path */
export function buildModel(directory: string): string {
  const out = join(directory, 'linkem-model')
  const sources = readdirSync(native).filter((name) => name.endsWith('.c') && name !== 'main.c')
  execFileSync('gcc', [
    ...['-std=gnu11', '-O1', '-g', '-Wall', '-Wextra', '-Werror', '-D_GNU_SOURCE'],
    ...['-fsanitize=address,undefined', '-fno-sanitize-recover=all'],
    ...['-o', out, driver, ...sources.map((name) => join(native, name)), '-lm'],
  ])
  return out
}

/** Runs a script of linkem-model.c. @throws when a line is not understood or a sanitizer finds something */
export function runModel(program: string, lines: readonly string[], seed = 1): Outcome {
  const output = execFileSync(program, [String(seed)], {
    input: lines.map((line) => `${line}\n`).join(''),
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  })
  const deliveries: Delivery[] = []
  const answers: unknown[] = []
  for (const line of output.trimEnd().split('\n')) {
    if (line.startsWith('{')) {
      answers.push(JSON.parse(line))
      continue
    }
    const [at, direction, number, length] = line.split(' ')
    if (direction !== 'a>b' && direction !== 'b>a') throw new Error(`unexpected output: ${line}`)
    deliveries.push({ at: Number(at), direction, number: Number(number), length: Number(length) })
  }
  const { 'a>b': ab, 'b>a': ba } = statistics(answers.at(-1))
  return { deliveries, answers, ab, ba }
}
