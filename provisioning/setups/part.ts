/** What a set-up adds to a description, beside what all of them have. */
import type { Config } from '../../src/config/schema.js'
import type { HostConfig } from '../../src/config/host.js'
import type { Resource } from '../resource.js'

export interface Setup {
  /** Before all else, and the last to go. */
  first?: Resource[]
  /** Before the services start. */
  resources: Resource[]
  /** What brings traffic to the services, or needs it. */
  afterServices?: Resource[]
  notes: string[]
  warnings: string[]
}

/** A configuration that has a `host`. */
export type HostedConfig = Config & { host: HostConfig }
