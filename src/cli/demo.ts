import type { CommandModule } from 'yargs'
import { MptkError } from '../errors.js'

/** `mptk demo` */
export const demoCommand: CommandModule = {
  command: 'demo',
  describe: 'show the point in under a minute: one file over two uplinks, alone and bonded (root, in a lab)',
  async handler() {
    if (process.getuid?.() !== 0) {
      throw new MptkError(
        'MPTK_USAGE',
        'the demo builds network namespaces: run it as root (sudo mptk demo; in a checkout sudo npm run demo)',
      )
    }
    // the proxy's process need not carry the lab's libraries
    const { runDemo } = await import('../../mininet/demo.js')
    const stop = new AbortController()
    const onSignal = (): void => stop.abort(new Error('stopped'))
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, onSignal)
    await runDemo({ out: process.stdout, signal: stop.signal })
  },
}
