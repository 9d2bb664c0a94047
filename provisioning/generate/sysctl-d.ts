/** Sysctls, parameters of modules and modules, as the files that set them at boot. */
import { MODULES_FILE, modulesList } from '../setups/modules.js'
import { MADE, ofKind, type Generator, type OutputFile } from './output.js'
import { comment, oneLine, sysctlLine } from './words.js'

const PARAMETER = /^module\/([^/]+)\/([^/]+)$/

export const sysctlFiles: Generator = (description) => {
  const settings = ofKind(description, 'sysctl')
  // one that this kernel lacks, or whose interface is not there yet, is no reason to stop
  const plain = settings
    .filter(({ name }) => !PARAMETER.test(name))
    .map(({ name, value, why }) => `# ${comment(why)}\n${sysctlLine(name, value)}`)
  const parameters = settings.flatMap(({ name, value }) => {
    const [, module, parameter] = PARAMETER.exec(name) ?? []
    return module === undefined || parameter === undefined
      ? []
      : [`options ${module} ${parameter}=${oneLine(name, value)}`]
  })
  const modules = modulesList(description.resources)
  return [
    ...file('/etc/sysctl.d/90-mptk.conf', plain),
    ...file('/etc/modprobe.d/mptk.conf', parameters),
    ...(modules === undefined ? [] : [{ path: MODULES_FILE, mode: '0644', content: modules }]),
  ]
}

function file(path: string, lines: readonly string[]): OutputFile[] {
  return lines.length === 0 ? [] : [{ path, mode: '0644', content: `${[MADE, ...lines].join('\n')}\n` }]
}
