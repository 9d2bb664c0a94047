import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { CommandModule } from 'yargs'
import { describe } from '../../provisioning/describe.js'
import { cloudInitFiles } from '../../provisioning/generate/cloud-init.js'
import { openwrtFiles } from '../../provisioning/generate/openwrt.js'
import type { Generator } from '../../provisioning/generate/output.js'
import { sysctlFiles } from '../../provisioning/generate/sysctl-d.js'
import { systemdFiles } from '../../provisioning/generate/systemd.js'
import { READ_WITHOUT_ROOT } from '../../provisioning/plan.js'
import { readFacts } from '../../provisioning/probe.js'
import { loadConfigText } from '../config/load.js'
import { packageOptions, tarballOf, type PackageArguments } from './package-options.js'
import { configOption, inPlace, placeOptions, type PlaceArguments } from './provision-options.js'

const GENERATORS = {
  systemd: systemdFiles,
  'sysctl-d': sysctlFiles,
  'cloud-init': cloudInitFiles,
  openwrt: openwrtFiles,
} satisfies Record<string, Generator>
type Format = keyof typeof GENERATORS
const FORMATS = Object.keys(GENERATORS) as Format[]

interface GenerateArguments extends PlaceArguments, PackageArguments {
  format: Format
  config: string
  out: string
  mptk: string
}

/** Where it is put on the target, whatever its name here. */
const CONFIG_FILE = '/etc/mptk/mptk.yaml'

/** `mptk generate FORMAT --config FILE --out DIR` */
export const generateCommand: CommandModule<object, GenerateArguments> = {
  command: 'generate <format>',
  describe: 'write what a host needs as files for systemd, cloud-init or OpenWrt',
  builder: (yargs) =>
    yargs.positional('format', { choices: FORMATS, demandOption: true, describe: 'for which tool' }).options({
      ...configOption,
      ...placeOptions,
      out: { type: 'string', requiresArg: true, demandOption: true, describe: 'folder for the files' },
      mptk: {
        type: 'string',
        requiresArg: true,
        default: '/usr/local/bin/mptk',
        describe: 'the mptk command on the target',
      },
      ...packageOptions,
    }),
  async handler(options) {
    const tarball = await tarballOf(options.format === 'cloud-init', options)
    const { config, text } = await loadConfigText(options.config)
    const description = await inPlace(
      options,
      async (place) => {
        const facts = await readFacts(place, config)
        if (place.unprivileged !== undefined) console.error(`warning: ${READ_WITHOUT_ROOT}`)
        // on the target, of which nothing is known but that it is as it should be
        const systemd = options.format !== 'openwrt'
        const target = { mptk: [options.mptk], systemd, whyNoOwnUser: undefined }
        return describe(config, { ...facts, ...target }, { configFile: CONFIG_FILE })
      },
      { readOnly: true },
    )
    const target = {
      configFile: CONFIG_FILE,
      config: text,
      mptk: options.mptk,
      ...(tarball === undefined ? {} : { package: tarball }),
    }
    const files = GENERATORS[options.format](description, target)
    for (const { path, mode, content } of files) {
      const file = join(options.out, path)
      await mkdir(dirname(file), { recursive: true })
      await writeFile(file, content, { mode: 0o600 })
      await chmod(file, Number.parseInt(mode, 8))
    }
    const { notes, warnings } = description
    if (options.json) {
      const written = files.map(({ path, mode }) => ({ path: join(options.out, path), mode }))
      console.log(JSON.stringify({ files: written, notes, warnings }, null, 2))
      return
    }
    for (const { path, mode } of files) console.log(`${mode} ${join(options.out, path)}`)
    for (const each of notes) console.log(`note: ${each}`)
    for (const each of warnings) console.error(`warning: ${each}`)
  },
}
