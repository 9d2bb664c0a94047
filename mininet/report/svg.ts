/** Plots drawn to SVG by Vega, without a browser. */
import type { TopLevelSpec } from 'vega-lite'
import { markup, Markup } from './markup.js'

export type DrawSvg = (spec: TopLevelSpec, label: SvgLabel) => Promise<Markup>

export interface SvgLabel {
  /** Unique on the page. */
  id: string
  title: string
  description: string
  class: string
}

declare module 'vega' {
  // exported for programs that draw without a canvas, yet missing from the published types
  export const textMetrics: { width: (item: TextItem, line: unknown) => number }
}

interface TextItem {
  fontSize?: number
}

/** Of a character of the common sans serifs, in parts of the font's size; the library's own guess is 0.8. */
const CHARACTER = 0.6

/** Loads the plotting library, which nothing but a report needs. */
export async function svgDrawer(): Promise<DrawSvg> {
  const [{ parse, textMetrics, View }, { compile }] = await Promise.all([import('vega'), import('vega-lite')])
  textMetrics.width = ({ fontSize = 11 }, line) => String(line).length * CHARACTER * fontSize
  return async (spec, label) => {
    const view = new View(parse(compile(spec).spec), { renderer: 'none' })
    try {
      return accessible(await view.toSVG(), label)
    } finally {
      view.finalize()
    }
  }
}

/** Said once, as an image with title and description; without a background of its own. */
function accessible(svg: string, { id, title, description, class: name }: SvgLabel): Markup {
  const opening = /^<svg\b[^>]*?\bwidth="([\d.]+)" height="([\d.]+)"[^>]*>(?:<rect\b[^>]*\/>)?/.exec(svg)
  const [whole, width, height] = opening ?? []
  if (whole === undefined || width === undefined || height === undefined) {
    throw new Error(`expected a drawing of Vega's, found ${JSON.stringify(svg.slice(0, 200))}`)
  }
  return markup`<svg xmlns="http://www.w3.org/2000/svg" class="${name}" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="${id}-t ${id}-d"><title id="${id}-t">${title}</title><desc id="${id}-d">${description}</desc>${new Markup(svg.slice(whole.length))}`
}
