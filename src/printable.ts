/**
 * What strangers send (user names, host names, paths) as it may stand in a log or on a terminal:
 * characters that move the cursor, turn the direction of writing or break lines are shown by number.
 */

/** C0, DEL and C1; ALM, LRM, RLM, the embeddings and isolates of Unicode's bidirectional algorithm (UAX #9); line and paragraph separators; lone surrogates. */
const UNPRINTABLE =
  // eslint-disable-next-line no-control-regex
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g

/** One line of text with `\u{202e}` in place of what must not be there as it is. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (each) => `\\u{${each.charCodeAt(0).toString(16)}}`)
}

/** The same for text of our own making that has more lines than one, or tabs. */
export function printableLines(text: string): string {
  return text.replace(UNPRINTABLE, (each) => (each === '\n' || each === '\t' ? each : printable(each)))
}

/** JSON that is the same data, and safe on a terminal. @param json without line breaks or with those of JSON.stringify */
export function printableJson(json: string): string {
  // outside of strings JSON has none of these but line breaks
  return json.replace(UNPRINTABLE, (each) =>
    each === '\n' ? each : `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
