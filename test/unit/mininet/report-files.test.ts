import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import type { ExperimentResult, RunResult, Sample } from '../../../mininet/experiments/result.js'
import { csvBlocks } from '../../../mininet/report/csv.js'
import { measuresOf } from '../../../mininet/report/measures.js'
import { terminalSummary, writeReport } from '../../../mininet/report/report.js'
import { HOSTILE, NOT_RUN, RUN } from '../../support/run-result.js'
import { scratchFolder } from '../../support/scratch.js'

const sample: Sample = {
  variant: 'cubic',
  repetition: 1,
  values: { goodputMbit: 27.9, stallS: Infinity },
  series: { mbit: [[0.5, 26], [1, 28.25]] }, // prettier-ignore
  distributions: { rttMs: [21.2, -0] },
}

const [first] = RUN.experiments
if (first === undefined) throw new Error('expected an experiment')
const experiment: ExperimentResult = { ...first, name: 'single' }
const run = (samples: Sample[]): RunResult => ({ ...RUN, experiments: [{ ...experiment, samples }] })

void t.test('CSV: a row per value, quoted as RFC 4180 says', (t) => {
  const hostile = { variant: 'a,"b"\nc', repetition: 0, values: { ms: 1 } }
  t.equal(
    [...csvBlocks(run([sample, hostile]))].join(''),
    [
      'experiment,variant,repetition,measure,seconds,value',
      'single,cubic,1,goodputMbit,,27.9',
      'single,cubic,1,stallS,,',
      'single,cubic,1,mbit,0.5,26',
      'single,cubic,1,mbit,1,28.25',
      'single,cubic,1,rttMs,,21.2',
      'single,cubic,1,rttMs,,0',
      'single,"a,""b""\nc",0,ms,,1',
      '',
    ].join('\r\n'),
  )
  t.end()
})

void t.test('measures: per variant over all repetitions; what is no number is counted, not computed', (t) => {
  const again = { ...sample, repetition: 2, values: { goodputMbit: 28.1, stallS: 2 } }
  const measures = measuresOf({ ...experiment, samples: [sample, again] })
  t.match(measures, [
    {
      variant: 'cubic',
      measure: 'goodputMbit',
      of: 'repetitions',
      summary: { count: 2, mean: 28 },
      missing: 0,
    },
    { measure: 'stallS', of: 'repetitions', summary: { count: 1, mean: 2 }, missing: 1 },
    { measure: 'mbit', of: 'points in time', summary: { count: 4, mean: 27.125 } },
    { measure: 'rttMs', of: 'single values', summary: { count: 4, max: 21.2 } },
  ])
  t.equal(measures.length, 4)
  t.end()
})

void t.test('terminal: tables, and every variant not run with its reason', (t) => {
  const text = terminalSummary(RUN)
  for (const { variant, reason } of NOT_RUN) t.ok(text.includes(`  ${variant}: ${reason}\n`), variant)
  t.match(text, /redundant: the upstream kernel has no scheduler/)
  t.match(text, /5 experiments, 3 variants not run; kernel 6\.18\.5, links by linkem; quick/)
  t.match(text, /│ cubic +│ 27\.9 │ +28\.4 │/, "the experiment's own table")
  t.match(text, /Raw figures\n.*\n│ variant/, 'the raw figures where it has none')
  t.notMatch(text, '\u001b', 'no colour codes in what may end up in a file')
  t.end()
})

void t.test('files: raw samples as they are, the page by itself', async (t) => {
  const folder = join(scratchFolder(t), 'not', 'yet', 'there')
  const files = await writeReport(RUN, folder)
  t.same(files, {
    json: join(folder, 'results.json'),
    csv: join(folder, 'samples.csv'),
    html: join(folder, 'report.html'),
  })
  t.same(JSON.parse(await readFile(files.json, 'utf8')), JSON.parse(JSON.stringify(RUN)))
  const csv = await readFile(files.csv, 'utf8')
  const samples = RUN.experiments.flatMap((each) => each.samples)
  // per sample one value, 120 points and 50 round trips
  t.equal(csv.split('\r\n').length, samples.length * 171 + 2)
  const html = await readFile(files.html, 'utf8')
  t.notOk(html.includes(HOSTILE))
  t.notOk(html.includes('<img'))
  t.notMatch(html, /<script|<link|<iframe|@import|url\(|\bsrc="|\bhref="(?!#)/, 'refers to nothing outside')
  const ids = [...html.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id)
  t.equal(new Set(ids).size, ids.length, 'ids are unique')
  for (const [, targets = ''] of html.matchAll(/(?:aria-labelledby|href)="#?([^"]+)"/g)) {
    for (const id of targets.split(' ')) t.ok(ids.includes(id), `${id} exists`)
  }

  await writeReport({ ...RUN, experiments: [] }, folder)
  t.match(
    JSON.parse(await readFile(files.json, 'utf8')),
    { experiments: [] },
    'a second run replaces the first',
  )
})
