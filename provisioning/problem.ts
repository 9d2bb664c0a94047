/** What is wrong with a description on a given host. */
export interface Problem {
  /** The key, `host.uplinks.cell`. */
  path: string
  /** What was expected and what was found. */
  text: string
}

export const problemLine = ({ path, text }: Problem): string => `${path}: ${text}`

/** `a, b or c`; `none` of nothing. */
export function listed(names: readonly string[]): string {
  if (names.length === 0) return 'none'
  return names.length === 1 ? String(names[0]) : `${names.slice(0, -1).join(', ')} or ${names.at(-1) ?? ''}`
}
