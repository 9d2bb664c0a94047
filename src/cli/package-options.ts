/** Which file `mptk generate cloud-init` has installed: its place and its hash. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { EXPECTED_PACKAGE } from '../../provisioning/generate/cloud-init.js'
import type { Tarball } from '../../provisioning/generate/output.js'
import { MptkError } from '../errors.js'

const text = { type: 'string', requiresArg: true } as const

export const packageOptions = {
  package: {
    ...text,
    describe: 'cloud-init: URL of a tarball of mptcp-toolkit (npm pack), or its path on the target',
  },
  'package-sha256': {
    ...text,
    describe: 'SHA-256 of that tarball; read from the file when it is here too',
  },
  'package-compile': {
    type: 'boolean',
    default: false,
    describe: 'the tarball has no prebuilt core for the target: install compilers',
  },
} as const

export interface PackageArguments {
  package: string | undefined
  'package-sha256': string | undefined
  'package-compile': boolean
}

/**
 * @param wanted whether the format installs a package
 * @returns undefined when none is given
 * @throws {MptkError} MPTK_USAGE when an option is missing, of no use, or not what it should be
 */
export async function tarballOf(wanted: boolean, options: PackageArguments): Promise<Tarball | undefined> {
  const { package: source, 'package-sha256': given, 'package-compile': compile } = options
  if (!wanted) {
    if (source === undefined && given === undefined && !compile) return undefined
    throw usage('--package, --package-sha256 and --package-compile are for cloud-init alone')
  }
  if (source === undefined) {
    if (given === undefined && !compile) return undefined
    throw usage('--package: expected beside --package-sha256 and --package-compile, found none')
  }
  const isPath = source.startsWith('/')
  if (!isPath && !(/^https?:/i.test(source) && URL.canParse(source))) {
    throw usage(`--package: expected ${EXPECTED_PACKAGE}, found ${JSON.stringify(source)}`)
  }
  if (given !== undefined && !/^[0-9a-f]{64}$/i.test(given)) {
    throw usage(`--package-sha256: expected 64 hexadecimal digits, found ${JSON.stringify(given)}`)
  }
  const read = isPath ? await hashOf(source) : undefined
  if (given !== undefined && read !== undefined && given.toLowerCase() !== read) {
    throw usage(`--package-sha256: expected ${read}, which ${source} has here, found ${given}`)
  }
  const sha256 = given?.toLowerCase() ?? read
  if (sha256 === undefined) {
    throw usage(
      `--package-sha256: expected the hash of ${source}, which cannot be read here, found none (sha256sum prints it)`,
    )
  }
  return { source: isPath ? source : new URL(source).href, sha256, compile }
}

/** Undefined when there is no such file here: it need only be on the target. */
async function hashOf(file: string): Promise<string | undefined> {
  try {
    return createHash('sha256')
      .update(await readFile(file))
      .digest('hex')
  } catch {
    return undefined
  }
}

function usage(message: string): MptkError {
  return new MptkError('MPTK_USAGE', message)
}
