/** HTML as a type of its own: what is not Markup is text, and is escaped. */
export class Markup {
  constructor(readonly html: string) {}
}

export type Part = string | number | Markup | undefined | readonly Part[]

/** Template tag: literal parts are markup, interpolated strings and numbers are text, undefined is nothing. */
export function markup(literals: TemplateStringsArray, ...parts: Part[]): Markup {
  return new Markup(String.raw({ raw: literals }, ...parts.map(render)))
}

function render(part: Part): string {
  if (part === undefined) return ''
  if (part instanceof Markup) return part.html
  if (typeof part === 'string' || typeof part === 'number') return escape(String(part))
  return part.map(render).join('')
}

const ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character)
}
