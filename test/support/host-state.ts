/** Everything of the host that provisioning may touch, as one text: equal before and after, or not. */
import { localRunner, type Runner } from '../../src/exec.js'

const READ = `
# neither changes of the machine's own nor other namespaces' settings belong to the comparison
# nor does a number that is no setting: connections that the firewall remembers for a while
sysctl -a 2>/dev/null | grep '^net[.]' | grep -v '^net[.]netfilter[.]nf_conntrack_count '
for family in 4 6; do
  ip -d -$family address; ip -d -$family route show table all; ip -d -$family rule
done
# the counters of an interface are not printed without -s
ip -d link
ip mptcp endpoint; ip mptcp limits
nft list ruleset
for folder do
  [ -e "$folder" ] || continue
  # logs are what a revert leaves
  find "$folder" ! -path '*/log' ! -path '*/log/*' -printf '%p %y %m %U:%G %l\\n' | sort
  # not of the long databases that other programs have, nor of what a running service goes on to log
  find "$folder" -type f ! -path '*/log/*' \\( ! -path '/var/lib/*' -o -path '*/mptk*' \\) ! -name 'mptk*.log' -exec sha256sum {} + | sort
done
`

/** Lines that are there now and were not, or the other way round: nothing for two equal states. */
export function stateChanges(before: string, after: string): string[] {
  const [was, is] = [before.split('\n'), after.split('\n')]
  const [then, now] = [new Set(was), new Set(is)]
  const changes = [
    ...was.filter((line) => !now.has(line)).map((line) => `- ${line}`),
    ...is.filter((line) => !then.has(line)).map((line) => `+ ${line}`),
  ]
  // the same lines in another order, or another number of them
  return changes.length === 0 && before !== after ? ['the order of lines'] : changes
}

/** @param folders whose files belong to it */
export function hostState(...folders: string[]): Promise<string> {
  return hostStateOf(localRunner, ...folders)
}

/** Of the host where the runner works. */
export async function hostStateOf(runner: Runner, ...folders: string[]): Promise<string> {
  const { stdout } = await runner.run(['sh', '-c', READ, 'sh', ...folders])
  // lifetimes of addresses and routes run down
  return stdout.replace(/\b(?:expires|valid_lft|preferred_lft) \d+sec/g, '')
}
