/** `mptk doctor`: what this kernel is, what it can do, and the command that mends what is missing. */
import type { CommandModule } from 'yargs'
import { loadConfig } from '../config/load.js'
import { detectKernel } from '../kernel/detect.js'
import type { Finding, KernelReport } from '../kernel/kernel.js'
import { doctorPathCommand, uplinksThatCarry } from './doctor-path.js'
import { print, printJson } from './print.js'

const MARK: Record<Finding['level'], string> = { ok: 'ok', info: 'info', warning: 'WARN', problem: 'FAIL' }

/** Lines for a terminal: level, name and value in columns, the mend below. */
export function formatReport({ findings, mptcp }: KernelReport): string {
  const width = Math.max(...findings.map(({ name }) => name.length))
  const lines = findings.flatMap(({ level, name, value, mend }) => {
    const line = `${MARK[level].padEnd(4)}  ${name.padEnd(width)}  ${value}`
    return mend === undefined ? [line] : [line, `${' '.repeat(6)}${' '.repeat(width)}  $ ${mend}`]
  })
  lines.push('', mptcp ? 'MPTCP can be used here.' : 'MPTCP cannot be used here; connections will be TCP.')
  return `${lines.join('\n')}\n`
}

interface DoctorArguments {
  config: string | undefined
  json: boolean
}

export const doctorCommand: CommandModule<object, DoctorArguments> = {
  command: 'doctor',
  describe:
    'say what this kernel can do, and how to mend what is missing (exit code 0 when MPTCP can be used)',
  builder: (yargs) =>
    yargs
      .option('config', {
        type: 'string',
        alias: 'c',
        requiresArg: true,
        describe: 'YAML file that says which interfaces are uplinks; those with a default route unless given',
      })
      .option('json', { type: 'boolean', default: false, describe: 'print the report as JSON' })
      .command(doctorPathCommand),
  async handler({ config, json }) {
    const uplinks = config === undefined ? undefined : uplinksThatCarry(await loadConfig(config))
    const report = detectKernel().report(uplinks)
    if (json) printJson(report)
    else print(formatReport(report))
    process.exitCode = report.mptcp ? 0 : 1
  },
}
