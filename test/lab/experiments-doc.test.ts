/** The experiment that docs/experiments.md shows, run as it stands there. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import t from 'tap'
import type { Experiment } from '../../mininet/experiments/experiment.js'
import { facilitiesOf } from '../../mininet/experiments/facilities.js'
import { runExperiment } from '../../mininet/experiments/runner.js'
import { detectKernel } from '../../src/kernel/detect.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

void t.test('an experiment of one file', async (t) => {
  const text = await readFile(join(ROOT, 'docs', 'experiments.md'), 'utf8')
  const [, code = ''] = /```ts\n([^]*?)```/.exec(text) ?? []
  // beside the tests, where the runner's compiler looks; its neighbours are where they are
  const folder = await mkdtemp(join(ROOT, 'test', 'lab', '.experiment-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const file = join(folder, 'cellular-queue.ts')
  await writeFile(file, code.replaceAll("from './", "from '../../../mininet/experiments/"))
  const { cellularQueue } = (await import(pathToFileURL(file).href)) as { cellularQueue: Experiment }

  const told: string[] = []
  const { result, complete } = await runExperiment(cellularQueue, {
    facilities: facilitiesOf(detectKernel()),
    quick: true,
    signal: new AbortController().signal,
    observer: {
      starting: ({ name }, count) => told.push(`${name} ${count}`),
      measured: (variant) => told.push(variant),
      failed: (variant, reason) => t.fail(`${variant ?? ''} ${reason}`),
    },
  })
  t.ok(complete)
  t.strictSame(told, ['cellular-queue 3', '20 frames', '166 frames', '1000 frames'])
  t.equal(result.tables[0]?.rows.length, 3)
  t.match(result.figures, [{ kind: 'boxes', groups: [{}, {}, {}] }])
})
