/** Where in a YAML file a key of the configuration is written. */
import { isAlias, isMap, isNode, isScalar, isSeq, type Document, type LineCounter } from 'yaml'

/** The line of a value by its path, or of the nearest place around it that is written; undefined without a file. */
export type LineOf = (path: readonly PropertyKey[]) => number | undefined

export function linesOf(document: Document, counter: LineCounter): LineOf {
  return (path) => {
    let node: unknown = document.contents
    let offset = isNode(node) ? node.range?.[0] : undefined
    for (const key of path) {
      if (isAlias(node)) node = node.resolve(document)
      let start: number | undefined
      if (isMap(node)) {
        const pair = node.items.find((each) => isScalar(each.key) && String(each.key.value) === String(key))
        start = isScalar(pair?.key) ? pair.key.range?.[0] : undefined
        node = pair?.value
      } else if (isSeq(node)) {
        node = node.items[Number(key)]
        start = isNode(node) ? node.range?.[0] : undefined
      }
      if (start === undefined) break
      offset = start
    }
    return offset === undefined ? undefined : counter.linePos(offset).line
  }
}

/** `services[0].listen` as a path of keys. */
export function keysOf(path: string): PropertyKey[] {
  return [...path.matchAll(/\[(\d+)\]|[^.[\]]+/g)].map(([word, index]) =>
    index === undefined ? word : Number(index),
  )
}
