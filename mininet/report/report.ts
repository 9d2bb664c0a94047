/** What a run leaves in its folder: raw samples for programs, a table for spreadsheets, a page for people. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { RunResult } from '../experiments/result.js'
import { csvBlocks } from './csv.js'
import { page } from './page.js'
import { svgDrawer } from './svg.js'

export { terminalSummary } from './terminal.js'

export interface ReportFiles {
  json: string
  csv: string
  html: string
}

/**
 * Writes `results.json`, `samples.csv` and `report.html` into `folder`, which is made if missing; files of
 * an earlier run are replaced. The raw values come first: they cannot be made again.
 * @throws {Error} of the file system
 */
export async function writeReport(result: RunResult, folder: string): Promise<ReportFiles> {
  const files = {
    json: join(folder, 'results.json'),
    csv: join(folder, 'samples.csv'),
    html: join(folder, 'report.html'),
  }
  await mkdir(folder, { recursive: true })
  await writeFile(files.json, `${JSON.stringify(result)}\n`)
  await writeFile(files.csv, csvBlocks(result))
  await writeFile(files.html, await page(result, await svgDrawer()))
  return files
}
