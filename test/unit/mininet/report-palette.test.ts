import t from 'tap'
import { DARK, DASHES, LIGHT, variables, type Scheme } from '../../../mininet/report/palette.js'

/** WCAG 2.2, relative luminance and contrast ratio. */
function luminance(colour: string): number {
  const [r = NaN, g = NaN, b = NaN] = [1, 3, 5].map((at) => {
    const part = parseInt(colour.slice(at, at + 2), 16) / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}

function contrast(a: string, b: string): number {
  const [dark = NaN, light = NaN] = [luminance(a), luminance(b)].sort((x, y) => x - y)
  return (light + 0.05) / (dark + 0.05)
}

const schemes: Record<string, Scheme> = { light: LIGHT, dark: DARK }
for (const [name, scheme] of Object.entries(schemes)) {
  void t.test(`${name}: text and marks stand out from their ground`, (t) => {
    const text: [string, string][] = [
      [scheme.ink, scheme.ground],
      [scheme.soft, scheme.ground],
      [scheme.soft, scheme.raised],
      [scheme.accent, scheme.ground],
      [scheme.warning, scheme.ground],
      [scheme.warning, scheme.warningGround],
      [scheme.ink, scheme.warningGround],
      ...scheme.heat.map((ground, index): [string, string] => [
        Math.abs(index - 4) >= 3 ? scheme.heatInkFar : scheme.heatInk,
        ground,
      ]),
    ]
    for (const [ink, ground] of text)
      t.ok(contrast(ink, ground) >= 4.5, `${ink} on ${ground}: ${contrast(ink, ground)}`)
    for (const mark of [scheme.accent, scheme.reference, ...scheme.series]) {
      t.ok(
        contrast(mark, scheme.ground) >= 3,
        `${mark} on ${scheme.ground}: ${contrast(mark, scheme.ground)}`,
      )
    }
    t.end()
  })

  void t.test(`${name}: heat goes away from the middle on both sides`, (t) => {
    const distance = scheme.heat.map((colour) => contrast(colour, scheme.ground))
    const [below, above] = [distance.slice(0, 5).reverse(), distance.slice(4)]
    for (const side of [below, above])
      t.same(
        side,
        [...side].sort((a, b) => a - b),
      )
    t.equal(scheme.heat.length, 9)
    t.end()
  })
}

void t.test('both schemes name the same colours; every series has a dash of its own', (t) => {
  const names = (scheme: Scheme): string[] => variables(scheme).match(/--[\w-]+/g) ?? []
  t.same(names(LIGHT), names(DARK))
  t.ok(names(LIGHT).length > 20)
  t.equal(new Set(DASHES.map(String)).size, LIGHT.series.length)
  t.equal(LIGHT.series.length, DARK.series.length)
  t.end()
})
