/** The word that was probably meant. */

/**
 * The known word nearest to a misspelt one: at most a third of its letters missing, added, wrong or
 * swapped with their neighbour, or only its beginning written.
 */
export function closest(word: string, known: readonly string[]): string | undefined {
  const typed = word.toLowerCase()
  const most = Math.max(1, Math.floor(word.length / 3))
  let best: string | undefined
  let least = most + 1
  for (const each of known) {
    const begun = typed.length >= 3 && each.toLowerCase().startsWith(typed)
    const steps = begun ? 0.5 : distance(typed, each.toLowerCase())
    if (steps >= least || steps >= each.length) continue
    best = each
    least = steps
  }
  return best
}

/** `: did you mean listen?`, or nothing. */
export function didYouMean(word: string, known: readonly string[], prefix = ''): string {
  const meant = closest(word, known)
  return meant === undefined ? '' : `: did you mean ${prefix}${meant}?`
}

/** Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours from one word to the other. */
function distance(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, column) => column)]
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    const [above = [], twoAbove = []] = [rows[i - 1], rows[i - 2]]
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1
      const steps = [(above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (above[j - 1] ?? 0) + cost]
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      if (swapped) steps.push((twoAbove[j - 2] ?? 0) + 1)
      row.push(Math.min(...steps))
    }
    rows.push(row)
  }
  return rows[a.length]?.[b.length] ?? Infinity
}
