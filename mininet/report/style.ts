/** The page's style sheet: paper, light and dark; phone and desk. */
import { DARK, LIGHT, variables } from './palette.js'

export const STYLE = `
:root { color-scheme: light dark; ${variables(LIGHT)} }
@media (prefers-color-scheme: dark) { :root { ${variables(DARK)} } }
@media print { :root { color-scheme: light; ${variables(LIGHT)} } }
* { box-sizing: border-box }
body {
  margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 47rem;
  background: var(--ground); color: var(--ink);
  font: 1rem/1.55 system-ui, sans-serif; overflow-wrap: anywhere;
}
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 1rem }
h2 { font-size: 1.35rem; line-height: 1.25; margin: 0 0 .25rem }
h3 { font-size: 1.05rem; line-height: 1.3; margin: 0 }
nav h2 { font-size: 1.1rem }
p { margin: .5rem 0 }
a { color: var(--accent) }
code { font: .92em ui-monospace, monospace }
dl { margin: 1rem 0; padding: .5rem 1rem; background: var(--raised); border-radius: .4rem }
dl div { display: grid; grid-template-columns: 9.5rem 1fr; gap: .25rem 1rem; padding: .2rem 0 }
dt { color: var(--soft) }
dd { margin: 0 }
nav { margin: 2rem 0 }
nav ol { margin: .5rem 0; padding-left: 1.4rem }
nav code { color: var(--soft) }
.left { color: var(--warning); font-size: .9rem; white-space: nowrap }
section { margin-top: 3rem; padding-top: 1.25rem; border-top: 1px solid var(--rule) }
.source, .note { color: var(--soft); font-size: .9rem }
.box {
  padding: .6rem 1rem; border: 1px solid var(--warning); border-left-width: .35rem;
  border-radius: .3rem; background: var(--warningGround);
}
.not-run { margin: 1rem 0 }
.not-run p { margin: 0; color: var(--warning); font-weight: 600 }
.not-run ul { margin: .3rem 0 0; padding-left: 1.2rem }
figure { margin: 2rem 0 }
figcaption { margin-bottom: .5rem }
figcaption .source { margin: .1rem 0 0 }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; margin: .5rem 0; padding: 0; list-style: none; font-size: .85rem }
.legend li { display: flex; align-items: center; gap: .45rem }
.legend svg { flex: none }
.plot > svg, .panels svg { display: block; max-width: 100%; height: auto }
.plot > .narrow { display: none }
.panels { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(20rem, 100%), 1fr)); gap: 1rem 1.5rem }
.panels p { margin: 0 0 .2rem; font-size: .9rem; font-weight: 600 }
.empty { color: var(--soft); font-style: italic }
.table { margin: 2rem 0 }
.scroll { overflow-x: auto }
table { border-collapse: collapse; width: 100%; font-size: .9rem; overflow-wrap: normal }
caption { padding-bottom: .4rem; text-align: left; font-weight: 600 }
th, td { padding: .3rem .6rem; border-bottom: 1px solid var(--grid); text-align: left; vertical-align: top }
thead th { border-bottom: 1px solid var(--rule); color: var(--soft); font-weight: 500; vertical-align: bottom }
tbody th { font-weight: 500 }
th:first-child, td:first-child { padding-left: 0 }
td.number { white-space: nowrap }
.number { text-align: right; font-variant-numeric: tabular-nums }
summary { cursor: pointer; color: var(--accent); padding: .3rem 0 }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px }
@media (max-width: 46rem) {
  .plot > .wide { display: none }
  .plot > .narrow { display: block; width: 100%; max-width: 30rem }
  dl div { grid-template-columns: 1fr; gap: 0 }
}
@media print {
  @page { margin: 15mm }
  body { max-width: none; padding: 0; font-size: 10.5pt }
  .plot > .wide { display: block }
  .plot > .narrow { display: none }
  .panels { grid-template-columns: 1fr 1fr }
  .scroll { overflow: visible }
  a { color: inherit; text-decoration: none }
  h2, h3, figcaption, caption { break-after: avoid }
  figure, tr, .box, .panels > div { break-inside: avoid }
  figure:has(.panels) { break-inside: auto }
  details:not([open]) { display: none }
  .box, dl { -webkit-print-color-adjust: exact; print-color-adjust: exact }
}
`
