/** From a configuration and the facts of a host to everything that shall be there: pure. */
import { MptkError } from '../src/errors.js'
import type { Config } from '../src/config/schema.js'
import { checkHost } from './checks.js'
import type { HostFacts } from './facts.js'
import { kernelResources, kernelWarnings } from './kernels/kernel.js'
import type { Problem } from './problem.js'
import type { Description, Resource } from './resource.js'
import { bootResources } from './setups/boot.js'
import { clientSetup } from './setups/client.js'
import type { HostedConfig, Setup } from './setups/part.js'
import { modulesFile } from './setups/modules.js'
import { proxySetup } from './setups/proxy.js'
import { reverseSetup } from './setups/reverse.js'
import { routerSetup } from './setups/router.js'
import { mptkServices, ownUserWarnings } from './setups/service.js'
import { foreignEndpoints, withoutForeign } from './uplinks/foreign.js'
import { uplinkResources } from './uplinks/resources.js'
import { sharedSubnetSysctls } from './uplinks/shared-subnet.js'

export interface DescribeOptions {
  /** Absolute path of the configuration on the host it is for. */
  configFile: string
  /** What else is wrong there, as with the files that it names: refused together with what is found here. */
  problems?: readonly Problem[]
}

/** @throws {MptkError} MPTK_HOST naming the key that this host cannot fulfil */
export function describe(
  config: Config,
  facts: HostFacts,
  { configFile, problems }: DescribeOptions,
): Description {
  const { host } = config
  if (host === undefined) {
    throw new MptkError('MPTK_HOST', 'host: expected what this host shall be, found nothing')
  }
  const hosted = { ...config, host }
  const warnings = checkHost(hosted, facts, problems)
  const setup = setupOf(hosted, facts)
  const uplinks = withoutForeign(
    [...sharedSubnetSysctls(host, facts), ...uplinksOf(hosted, facts), ...setup.resources],
    foreignEndpoints(host, facts.endpoints),
  )
  const chosen = [...kernelResources(hosted, facts), ...uplinks.resources]
  return {
    resources: [
      ...[
        ...(setup.first ?? []),
        ...chosen.filter((each) => each.kind !== 'sysctl' || !Object.hasOwn(host.sysctls, each.name)),
      ].filter((each) => facts.ipv6 || !isOfIPv6(each)),
      ...furtherSysctls(hosted),
      ...modulesFile(chosen),
      ...mptkServices(hosted, facts, configFile),
      ...(setup.afterServices ?? []),
      ...bootResources(hosted, facts, configFile),
    ],
    notes: setup.notes,
    warnings: [
      ...warnings,
      ...ownUserWarnings(hosted, facts),
      ...kernelWarnings(hosted, facts),
      ...uplinks.warnings,
      ...setup.warnings,
      ...facts.owners.map(({ name, concern }) => `${name} runs here: ${concern}`),
    ],
  }
}

function setupOf(config: HostedConfig, facts: HostFacts): Setup {
  switch (config.host.setup) {
    case 'client':
      return clientSetup(config)
    case 'router':
      return routerSetup(config, facts)
    case 'reverse':
      return reverseSetup(config, facts)
    case 'proxy':
      return proxySetup(config, facts)
  }
}

function uplinksOf({ host }: HostedConfig, facts: HostFacts): Resource[] {
  return Object.keys(host.uplinks).flatMap((name, index) => {
    const found = facts.interfaces.find((each) => each.name === name)
    return found === undefined ? [] : uplinkResources(host, { name, index }, found, facts.flavour)
  })
}

/** A rule or routing table that a kernel without IPv6 cannot have, and nothing comes by. */
function isOfIPv6(resource: Resource): boolean {
  return 'family' in resource && resource.family === 6
}

/** In the place of what a set-up chose. */
function furtherSysctls({ host }: HostedConfig): Resource[] {
  return Object.entries(host.sysctls).map(([name, value]) => ({
    kind: 'sysctl',
    name,
    value,
    why: 'asked for in host.sysctls',
  }))
}
