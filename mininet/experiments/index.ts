/** All experiments, in the order in which `mptk lab run all` runs them. */
import { congestion } from './congestion.js'
import type { Experiment } from './experiment.js'
import { examples } from './examples.js'
import { failover } from './failover.js'
import { mobile } from './mobile.js'
import { models } from './models.js'
import { scheduler } from './scheduler.js'
import { single } from './single.js'
import { unequal } from './unequal.js'

export const EXPERIMENTS: readonly Experiment[] = [
  single,
  congestion,
  scheduler,
  failover,
  models,
  unequal,
  examples,
  mobile,
]
