/** Everything of the host that provisioning may touch, as one text: equal before and after, or not. */
import { localRunner } from '../../src/exec.js'

const READ = `
# neither changes of the machine's own nor other namespaces' settings belong to the comparison
sysctl -a 2>/dev/null | grep '^net[.]'
for family in 4 6; do
  ip -d -$family address; ip -d -$family route show table all; ip -d -$family rule
done
# the counters of an interface are not printed without -s
ip -d link
ip mptcp endpoint; ip mptcp limits
nft list ruleset
for folder do find "$folder" -printf '%p %y %m %U:%G %l\\n' | sort; find "$folder" -type f -exec sha256sum {} + | sort; done
`

/** @param folders whose files belong to it */
export async function hostState(...folders: string[]): Promise<string> {
  const { stdout } = await localRunner.run(['sh', '-c', READ, 'sh', ...folders])
  // lifetimes of addresses and routes run down
  return stdout.replace(/\b(?:expires|valid_lft|preferred_lft) \d+sec/g, '')
}
