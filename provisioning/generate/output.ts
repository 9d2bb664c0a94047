/** What a description comes to as files for other tools; nothing here touches a host. */
import type { Description, Resource, ResourceKind } from '../resource.js'

export interface OutputFile {
  /** Absolute, where it belongs on the target. */
  path: string
  /** `0644` */
  mode: string
  content: string
}

/** The configuration as it goes along. */
export interface Target {
  /** Where it is found on the target, absolute. */
  configFile: string
  config: string
  /** Absolute path of the mptk command there. */
  mptk: string
  /** For what installs mptk there. */
  package?: Tarball
}

/** The package as a file, named with its hash: nothing else is ever installed. */
export interface Tarball {
  /** An http or https URL, or an absolute path on the target. */
  source: string
  /** 64 hexadecimal digits. */
  sha256: string
  /** It has no prebuilt core for the target, which then needs compilers. */
  compile: boolean
}

export type Generator = (description: Description, target: Target) => OutputFile[]

export function ofKind<Kind extends ResourceKind>(
  { resources }: Description,
  kind: Kind,
): Extract<Resource, { kind: Kind }>[] {
  return resources.filter((each): each is Extract<Resource, { kind: Kind }> => each.kind === kind)
}

/** Only root reads it: it may hold passwords. */
export function configurationFile({ configFile, config }: Target): OutputFile {
  return { path: configFile, mode: '0600', content: config }
}

export const MADE = '# Made by mptk generate; make it again when the configuration changes.'
