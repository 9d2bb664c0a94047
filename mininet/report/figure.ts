/** One figure on the page: plots, legend, how to read it. */
import type { Figure } from '../experiments/result.js'
import type { Drawing, LegendEntry, Panel } from './drawing.js'
import { markup, type Markup } from './markup.js'
import { drawBars } from './plot-bars.js'
import { drawBoxes } from './plot-boxes.js'
import { drawHeat } from './plot-heat.js'
import { drawLines } from './plot-lines.js'
import type { DrawSvg } from './svg.js'

/** Widths of the drawings, CSS pixels: a phone's letters are then as large as a desk's. */
const WIDE = 720
const NARROW = 328

/** @param id unique on the page */
export async function figureMarkup(figure: Figure, id: string, drawSvg: DrawSvg): Promise<Markup> {
  const { panels, legend, note, description } = draw(figure)
  const [only, second] = panels
  const svg = (panel: Panel, width: number, name: string, label: string): Promise<Markup> => {
    const title = panel.name === undefined ? figure.title : `${figure.title}: ${panel.name}`
    return drawSvg(panel.spec(width), { id: label, title, description, class: name })
  }
  const plots: Markup[] = []
  if (only !== undefined && second === undefined) {
    plots.push(await svg(only, WIDE, 'wide', `${id}-w`), await svg(only, NARROW, 'narrow', `${id}-n`))
  } else {
    for (const [index, panel] of panels.entries()) {
      const plot = await svg(panel, NARROW, 'panel', `${id}-${index}`)
      plots.push(markup`<div><p>${panel.name}</p>${plot}</div>`)
    }
  }
  return markup`<figure id="${id}" data-kind="${figure.kind}">
<figcaption><h3>${figure.title}</h3>${sourceOf(figure)}</figcaption>
${legend.length > 0 ? markup`<ul class="legend">${legend.map(entry)}</ul>` : undefined}
${panels.length === 0 ? markup`<p class="empty">Nothing was measured.</p>` : undefined}
<div class="${panels.length > 1 ? 'panels' : 'plot'}">${plots}</div>
${note === undefined ? undefined : markup`<p class="note">${note}</p>`}
</figure>
`
}

function draw(figure: Figure): Drawing {
  switch (figure.kind) {
    case 'lines':
      return drawLines(figure)
    case 'boxes':
      return drawBoxes(figure)
    case 'bars':
      return drawBars(figure)
    case 'heat':
      return drawHeat(figure)
  }
}

function sourceOf({ source }: Figure): Markup | undefined {
  return source === undefined ? undefined : markup`<p class="source">Compare: ${source}</p>`
}

function entry({ name, symbol, colour, dash = [] }: LegendEntry): Markup {
  return markup`<li><svg width="28" height="14" viewBox="0 0 28 14" aria-hidden="true">${sign(symbol, colour, dash)}</svg>${name}</li>`
}

function sign(symbol: LegendEntry['symbol'], colour: string, dash: readonly number[]): Markup {
  switch (symbol) {
    case 'line':
      return markup`<path d="M0 7H28" stroke="${colour}" stroke-width="2.5" stroke-dasharray="${dash.join(' ')}"/>`
    case 'box':
      return markup`<rect x="6" width="16" height="14" fill="${colour}"/>`
    case 'hollow box':
      return markup`<rect x="5" y="1" width="18" height="12" fill="none" stroke="${colour}" stroke-width="1.5" stroke-dasharray="4 2"/>`
    case 'dot':
      return markup`<path d="M14 2L19 7L14 12L9 7Z" fill="${colour}"/>`
  }
}
