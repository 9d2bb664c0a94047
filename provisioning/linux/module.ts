/** A kernel module, loaded and left loaded: by the time of a revert others may use it. */
import type { ModuleResource } from '../resource.js'
import { command } from './commands.js'
import type { Driver } from './driver.js'

/** Modules without parameters that are built in have no folder in /sys; modprobe's own list names them. */
const THERE = `
name=$(printf %s "$1" | tr - _)
test -e "/sys/module/$name" || tr - _ 2>/dev/null <"/lib/modules/$(uname -r)/modules.builtin" | grep -q "/$name[.]ko"
`.trim()

export const moduleDriver: Driver<ModuleResource, 'loaded'> = {
  kind: 'module',
  async probe({ runner }, { name }) {
    const { exitCode } = await runner.run(['sh', '-c', THERE, 'sh', name], { reject: false })
    return exitCode === 0 ? 'loaded' : null
  },
  satisfied: (state) => state === 'loaded',
  apply: (state, { name }) => (state === 'loaded' ? [] : [command('modprobe', name)]),
  restore: () => [],
  describe: (state) => ({ from: state ?? 'not loaded', to: 'loaded' }),
}
