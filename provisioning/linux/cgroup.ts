/** What shall outlive whoever started it must not be in its control group, which may be killed as a whole. */

/**
 * Shell: moves the shell itself into the groups of process 1, as far as they are in sight. Both
 * versions: a line of /proc/1/cgroup is `id:controllers:path`, without controllers for version 2.
 */
export const LEAVE_CGROUP = `
while IFS=: read -r id controllers path; do
  mount=$(awk -v want="$controllers" '
    want == "" ? $3 == "cgroup2" : $3 == "cgroup" && index("," $4 ",", "," want ",") { print $2; exit }
  ' /proc/mounts)
  [ -z "$mount" ] || echo "$$" 2>/dev/null >"$mount\${path%/}/cgroup.procs"
done </proc/1/cgroup 2>/dev/null
`.trim()
