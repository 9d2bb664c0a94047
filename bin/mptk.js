#!/usr/bin/env node
// The command `mptk`. It is read by a Node that may be too old for the rest, so its syntax is that
// of Node 12, and the rest is loaded only when this Node is new enough.
import { nodeProblem } from './node-version.js'

const problem = nodeProblem(process.versions.node, process.execPath)
if (problem !== undefined) {
  console.error(problem)
  process.exitCode = 1
} else {
  import('../dist/src/cli/main.js').catch((error) => {
    const unbuilt =
      error.code === 'ERR_MODULE_NOT_FOUND' && /dist.src.cli.main\.js' imported from/.test(error.message)
    console.error(`mptk: ${unbuilt ? 'not built yet: run npm run build' : error.message}`)
    process.exitCode = 1
  })
}
