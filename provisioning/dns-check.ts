/** Whether names lead to the reverse proxy, as the resolver of the host itself sees them. */
import { plainAddress } from '../src/address.js'
import type { Config } from '../src/config/schema.js'
import type { Runner } from '../src/exec.js'
import type { HostFacts } from './facts.js'
import { publicAddresses } from './setups/announced.js'

/** Milliseconds: resolvers ask each server twice for 5 s. */
const PATIENCE = 12_000

/** Warnings: one for each of `host.sites` that DNS answers with anything else. @throws {MptkError} MPTK_EXEC */
export async function checkSites(runner: Runner, config: Config, facts: HostFacts): Promise<string[]> {
  const { host } = config
  if (host === undefined || host.sites.length === 0) return []
  const wanted = publicAddresses({ ...config, host }, facts).map(plainAddress)
  const answers = await Promise.all(host.sites.map((site) => addressesOf(runner, site)))
  return host.sites.flatMap((site, index) => siteWarning(site, answers[index] ?? [], wanted))
}

/** Any name below stands for a wildcard. */
const ANY = 'mptk-check'

async function addressesOf(runner: Runner, site: string): Promise<string[]> {
  const name = site.startsWith('*.') ? `${ANY}${site.slice(1)}` : site
  // ahosts asks DNS for both families, in spite of its name not only /etc/hosts; exit code 2: no such name
  const { stdout } = await runner.run(['timeout', `${PATIENCE / 1000}`, 'getent', 'ahosts', name], {
    reject: false,
  })
  const found = stdout.split('\n').map((line) => plainAddress(line.split(/\s/, 1)[0] ?? ''))
  return [...new Set(found.filter(Boolean))]
}

export function siteWarning(site: string, found: readonly string[], wanted: readonly string[]): string[] {
  const path = `host.sites: ${site}`
  if (found.length === 0) return [`${path} has no address in DNS: expected ${wanted.join(', ')}`]
  const stray = found.filter((address) => !wanted.includes(address))
  if (stray.length === 0) return []
  return [
    `${path} leads to ${stray.join(', ')}: expected ${wanted.join(', ')} alone; clients at the other address go past this proxy`,
  ]
}
