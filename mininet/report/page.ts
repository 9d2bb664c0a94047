/** The page: what was run where, contents, a section per experiment. */
import type { ExperimentResult, Machine, NotRun, RunResult } from '../experiments/result.js'
import { figureMarkup } from './figure.js'
import { markup, Markup } from './markup.js'
import { STYLE } from './style.js'
import type { DrawSvg } from './svg.js'
import { rawFigures, tableMarkup } from './tables.js'
import { count, duration, moment } from './text.js'

const TITLE = 'Multipath TCP testbed: results'
/** Nothing is loaded and nothing runs, whatever a name in the results may contain. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'"

export async function page(result: RunResult, drawSvg: DrawSvg): Promise<string> {
  const sections: Markup[] = []
  for (const [index, experiment] of result.experiments.entries()) {
    sections.push(await section(experiment, index, drawSvg))
  }
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<title>${TITLE}</title>
<style>${new Markup(STYLE)}</style>
</head>
<body>
<header>
<h1>${TITLE}</h1>
${result.quick ? markup`<p class="box"><strong>Quick run:</strong> shortened to show that everything works; its figures are rough.</p>` : undefined}
${about(result)}
</header>
<nav aria-labelledby="contents"><h2 id="contents">Contents</h2>
<ol>${result.experiments.map(contentsEntry)}</ol></nav>
<main>
${sections}</main>
</body>
</html>
`.html
}

function about({ command, machine, experiments }: RunResult): Markup {
  const [first] = experiments
  const seconds = experiments.reduce((sum, each) => sum + each.seconds, 0)
  return markup`<dl>
${term('Command', markup`<code>${command}</code>`)}
${first === undefined ? undefined : term('Started', markup`${moment(first.startedAt)}, took ${duration(seconds)}`)}
${machineTerms(machine)}
</dl>`
}

function machineTerms({ cpu, cores, memoryGiB, kernel, node, mptk, versions, links }: Machine): Markup[] {
  const programs = Object.entries(versions).map(([program, version]) => `${program} ${version}`)
  return [
    term('Machine', `${cpu}, ${count(cores, 'core')}, ${Number(memoryGiB.toFixed(1))} GiB`),
    term('Kernel', kernel),
    term('Links emulated by', links),
    term('Versions', [`mptk ${mptk}`, `Node ${node.replace(/^v/, '')}`, ...programs].join(', ')),
  ]
}

function term(name: string, value: string | Markup): Markup {
  return markup`<div><dt>${name}</dt><dd>${value}</dd></div>
`
}

function contentsEntry({ name, title, notRun }: ExperimentResult, index: number): Markup {
  const left =
    notRun.length > 0
      ? markup` <span class="left">${count(notRun.length, 'variant')} not run</span>`
      : undefined
  return markup`<li><a href="#${idOf(index)}">${title}</a> <code>${name}</code>${left}</li>
`
}

async function section(experiment: ExperimentResult, index: number, drawSvg: DrawSvg): Promise<Markup> {
  const { name, title, description, source, startedAt, seconds, notRun, figures, tables } = experiment
  const id = idOf(index)
  const drawn: Markup[] = []
  for (const [place, figure] of figures.entries()) {
    drawn.push(await figureMarkup(figure, `${id}-f${place}`, drawSvg))
  }
  return markup`<section id="${id}" aria-labelledby="${id}-h">
<h2 id="${id}-h">${title}</h2>
<p class="source"><code>${name}</code> · after ${source} · ${moment(startedAt)}, took ${duration(seconds)}</p>
<p>${description}</p>
${notRunBox(notRun)}
${drawn}
${tables.map(tableMarkup)}
${rawFigures(experiment)}</section>
`
}

function notRunBox(notRun: readonly NotRun[]): Markup | undefined {
  if (notRun.length === 0) return undefined
  const entries = notRun.map(({ variant, reason }) => markup`<li><strong>${variant}</strong>: ${reason}</li>`)
  return markup`<div class="box not-run"><p>Not run on this machine:</p><ul>${entries}</ul></div>`
}

/** By place, not by name: names come from files. */
function idOf(index: number): string {
  return `experiment-${index + 1}`
}
