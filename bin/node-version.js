// Asked before anything else is loaded, by a Node that may be too old for the rest: syntax and
// modules of Node 12 here.
import { readFileSync } from 'fs'

/** `20.19`, as package.json says it in `engines`. */
const needed = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
).engines.node.replace('>=', '')

/**
 * What to tell whoever runs a Node that is too old.
 * @param {string} version as in process.versions.node
 * @param {string} program the path of that Node
 * @returns {string | undefined} undefined when it is new enough
 */
export function nodeProblem(version, program) {
  const found = version.split('.').map(Number)
  const least = needed.split('.').map(Number)
  const newer = found[0] === least[0] ? found[1] >= least[1] : found[0] > least[0]
  return newer ? undefined : `mptk needs Node ${needed} or later; this is ${version} (${program})`
}
