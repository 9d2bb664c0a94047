/** Modules that a description loads, listed for the next boot: systemd-modules-load and its likes read the file. */
import type { FileResource, Resource } from '../resource.js'

export const MODULES_FILE = '/etc/modules-load.d/mptk.conf'

/** The file's content; the same whether `apply` or `generate` writes it, so that neither changes the other's. */
export function modulesList(resources: readonly Resource[]): string | undefined {
  const names = resources.flatMap((each) => (each.kind === 'module' ? [each.name] : []))
  return names.length === 0 ? undefined : `# Of mptk: what it loads at every boot.\n${names.join('\n')}\n`
}

export function modulesFile(resources: readonly Resource[]): FileResource[] {
  const content = modulesList(resources)
  if (content === undefined) return []
  return [
    {
      kind: 'file',
      path: MODULES_FILE,
      mode: '0644',
      content,
      why: 'modules are loaded at the next boot too',
    },
  ]
}
