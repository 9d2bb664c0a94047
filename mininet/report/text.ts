/** Figures and names as text. */

/** Nothing measured. */
export const NOTHING = '–'

/** Three significant digits or so, never an exponent below a million: `27.9`, `0.0042`, `1240`. */
export function figure(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return NOTHING
  if (Number.isInteger(value)) return signed(String(value))
  const size = Math.abs(value)
  if (size >= 100) return signed(value.toFixed(size >= 1000 ? 0 : 1))
  if (size >= 1) return signed(value.toFixed(size >= 10 ? 1 : 2))
  return signed(Number(value.toPrecision(2)).toString())
}

function signed(text: string): string {
  return text.replace(/^-/, '−')
}

/** Lines of at most `width` characters, broken at spaces and after `-`, `/`, `,`; longer words are cut through. */
export function wrap(text: string, width: number): string[] {
  const pieces = text
    .split(/(?<=[ \-/,])/)
    .flatMap((piece) => piece.match(new RegExp(`.{1,${width}}`, 'gsu')) ?? [])
  const lines: string[] = []
  for (const piece of pieces) {
    const last = lines.at(-1)
    if (last !== undefined && (last + piece).trimEnd().length <= width) lines[lines.length - 1] = last + piece
    else lines.push(piece)
  }
  return lines.length > 0 ? lines.map((line) => line.trim()) : ['']
}

/** `4 min 12 s`, `36 s`. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds)
  const minutes = Math.floor(whole / 60)
  return minutes > 0 ? `${minutes} min ${whole % 60} s` : `${whole} s`
}

/** `1 variant`, `2 variants`. */
export function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`
}

/** `2026-11-21 09:00 UTC`; what is no date stays as it is. */
export function moment(iso: string): string {
  const date = new Date(iso)
  if (Number.isNaN(date.getTime())) return iso
  return `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`
}
