import { join } from 'node:path'
import t from 'tap'
import { writeReport } from '../../mininet/report/report.js'
import { openBrowser, type Page } from '../support/chromium.js'
import { HOSTILE, NOT_RUN, RUN } from '../support/run-result.js'
import { scratchFolder } from '../support/scratch.js'

/** Marks of each figure, counted by hand from the made-up results. */
const FIGURES: Record<string, Record<string, number>> = {
  'experiment-1-f0': { series: 2, points: 0 },
  'experiment-1-f1': { ours: 2, reference: 2, ours_up: 2, reference_up: 2 },
  // six congestion controls, a plot each, the other five behind
  'experiment-2-f0': { series: 6, others: 30 },
  // one of the four was not measured: a label without a bar
  'experiment-2-f1': { ours: 3, reference: 2, ours_up: 4 },
  'experiment-2-f2': { boxes: 4, medians: 4, whiskers: 4, means: 4 },
  'experiment-3-f0': { ours: 2, reference: 1 },
  'experiment-3-f1': { boxes: 2, medians: 2, whiskers: 2, means: 2 },
  // one of the 5 × 4 was not measured
  'experiment-4-f0': { cells: 19 },
  'experiment-4-f1': { series: 2, points: 10 },
}
const NOTHING_MEASURED = ['experiment-5-f0', 'experiment-5-f1', 'experiment-5-f2']

interface SeenFigure {
  id: string
  marks: Record<string, number>
  plots: {
    width: number
    height: number
    right: number
    name: string
    description: string
    texts: string[]
  }[]
  empty: boolean
}

/** What of every figure is visible in the window as it is now. */
const figures = (page: Page): Promise<SeenFigure[]> =>
  page.evaluate(`[...document.querySelectorAll('figure')].map((figure) => {
    const visible = [...figure.querySelectorAll(':scope svg[role=img]')].filter((svg) => svg.getBoundingClientRect().width > 0)
    const marks = {}
    for (const group of visible.flatMap((svg) => [...svg.querySelectorAll('.role-mark')])) {
      const name = [...group.classList].find((name) => name.endsWith('_marks')).replace(/_marks$/, '')
      const drawn = [...group.querySelectorAll('path, line, text')].filter((mark) => {
        const { width, height } = mark.getBoundingClientRect()
        // a bar of no length is no mark, a horizontal line is one
        return width > 0 || (height > 0 && mark.tagName === 'line')
      })
      marks[name] = (marks[name] ?? 0) + drawn.length
    }
    return {
      id: figure.id,
      marks,
      plots: visible.map((svg) => {
        const { width, height, right } = svg.getBoundingClientRect()
        const said = (id) => document.getElementById(id).textContent
        const [name, description] = svg.getAttribute('aria-labelledby').split(' ').map(said)
        const texts = [...svg.querySelectorAll('text')].map((text) => text.textContent)
        return { width, height, right, name, description, texts }
      }),
      empty: figure.querySelector('.empty') !== null,
    }
  })`)

void t.test('the page in Chromium', async (t) => {
  const { html } = await writeReport(RUN, join(scratchFolder(t), 'out'))
  const browser = await openBrowser(t)
  const page = await browser.open(html, { width: 1000 })

  await t.test('loads nothing but itself, and nothing goes wrong', async (t) => {
    t.equal(page.requests.length, 1)
    t.match(page.requests[0], /^file:.*report\.html$/)
    t.same(page.complaints, [])
    t.same(await page.evaluate('document.images.length + document.scripts.length'), 0)
  })

  for (const width of [1000, 375]) {
    await t.test(`${width} pixels wide: every figure drawn with all its marks`, async (t) => {
      await page.look({ width })
      const seen = await figures(page)
      t.same(
        seen.map(({ id }) => id),
        [...Object.keys(FIGURES), ...NOTHING_MEASURED],
      )
      for (const { id, marks, plots, empty } of seen) {
        t.equal(empty, NOTHING_MEASURED.includes(id), `${id}: says whether anything was measured`)
        t.equal(plots.length, empty ? 0 : id === 'experiment-2-f0' ? 6 : 1, `${id}: plots`)
        for (const [name, n] of Object.entries(FIGURES[id] ?? {}))
          t.equal(marks[name] ?? 0, n, `${id}: ${name}`)
        for (const plot of plots) {
          t.ok(plot.width > 200 && plot.height > 60, `${id}: ${plot.width} × ${plot.height}`)
          t.ok(plot.right <= width, `${id}: within the window`)
          t.ok(plot.name.length > 5 && plot.description.length > 20, `${id}: ${plot.name}`)
        }
      }
      t.equal(
        await page.evaluate('document.documentElement.scrollWidth'),
        width,
        'the page does not scroll sideways',
      )
    })
  }

  await t.test('figures, names and units are there to be read', async (t) => {
    await page.look({ width: 1000 })
    const texts = new Map(
      (await figures(page)).map(({ id, plots }) => [id, plots.flatMap((plot) => plot.texts)]),
    )
    const expected: Record<string, string[]> = {
      'experiment-1-f0': ['Mbit/s', 'seconds'],
      'experiment-1-f1': ['WLAN', '19.6', '20.3', '9.21', '9.49'],
      'experiment-2-f1': ['not measured', 'never measured', '28.4'],
      'experiment-3-f1': ['milliseconds, logarithmic'],
      'experiment-4-f0': ['1:1', '400 ms', '1.95', '0.73', 'ratio of the rates', 'difference of the delays'],
    }
    for (const [id, all] of Object.entries(expected)) {
      for (const text of all) t.ok(texts.get(id)?.includes(text), `${id}: ${text}`)
    }
    const hostile = texts.get('experiment-2-f1')?.join('').replaceAll(/\s/g, '')
    t.ok(hostile?.includes(HOSTILE.replaceAll(/\s/g, '')), 'a name with markup in it is text in a plot')
  })

  await t.test('what was not run stands in a box that is seen, with the reason', async (t) => {
    const boxes = await page.evaluate<string[][]>(
      `[...document.querySelectorAll('.not-run')].filter((box) => box.checkVisibility())
        .map((box) => [...box.querySelectorAll('li')].map((entry) => entry.innerText))`,
    )
    t.same(boxes, [
      NOT_RUN.map(({ variant, reason }) => `${variant}: ${reason}`),
      ['redundant: the upstream kernel has no scheduler "redundant"'],
    ])
  })

  await t.test('tables', async (t) => {
    const rows = await page.evaluate<string[][]>(
      `[...document.querySelectorAll('#experiment-2 .table tbody tr')].map((row) => [...row.cells].map((cell) => cell.innerText))`,
    )
    t.same(rows, [
      ['cubic', '27.9', '28.4', '27.8', 'same algorithm'],
      ['bbr', '28.4', '–', '–', HOSTILE],
      ['reno', '26.0', '–', '–', '–'],
    ])
    const raw = '#experiment-2 details'
    t.equal(await page.evaluate(`document.querySelector('${raw} table').checkVisibility()`), false, 'folded')
    t.equal(
      await page.evaluate(
        `document.querySelector('${raw}').open = true, document.querySelector('${raw} table').checkVisibility()`,
      ),
      true,
    )
    // three variants with a value, a series and a distribution each
    t.equal(await page.evaluate(`document.querySelectorAll('${raw} tbody tr').length`), 9)
    t.equal(await page.evaluate(`document.querySelectorAll('${raw} thead th').length`), 9)
  })

  await t.test('machine, kernel, versions and command', async (t) => {
    const header = await page.evaluate<string>(`document.querySelector('header').innerText`)
    for (const text of [
      RUN.command,
      'AMD EPYC 7B13, 2 cores',
      '6.18.5',
      'linkem',
      'iperf3 3.12',
      'mptk 0.1.0',
      'Quick',
    ]) {
      t.ok(header.includes(text), text)
    }
    const targets = `[...document.querySelectorAll('nav a')].map((a) => document.querySelector(a.hash).tagName)`
    t.same(
      await page.evaluate(targets),
      RUN.experiments.map(() => 'SECTION'),
      'contents lead to the sections',
    )
  })

  await t.test('light, dark and paper', async (t) => {
    const ground = 'getComputedStyle(document.body).backgroundColor'
    const line = `getComputedStyle(document.querySelector('.series_marks path')).stroke`
    const colours = async (): Promise<unknown[]> => [await page.evaluate(ground), await page.evaluate(line)]
    await page.look({ width: 1000, scheme: 'light' })
    const light = await colours()
    t.same(light, ['rgb(255, 255, 255)', 'rgb(0, 100, 163)'])
    await page.look({ width: 1000, scheme: 'dark' })
    t.same(await colours(), ['rgb(20, 23, 27)', 'rgb(94, 180, 238)'])
    await page.look({ width: 1000, scheme: 'dark', media: 'print' })
    t.same(await colours(), light, 'paper is white whatever the screen prefers')
    const pdf = await page.print()
    t.equal(pdf.subarray(0, 5).toString(), '%PDF-')
  })

  t.same(page.complaints, [], 'nothing went wrong until now')
})
