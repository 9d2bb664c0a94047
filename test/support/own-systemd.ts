/**
 * A real systemd as process 1 of a container: the files of this machine, but with an /etc, a /run
 * and a /var/lib of its own, in a network namespace of the test. It knows no units but the few
 * that others refer to, and those that a test writes.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { localRunner, type Runner } from '../../src/exec.js'
import type { Namespace } from './netns.js'
import { until } from './until.js'

/** A systemd elsewhere on this machine must not be able to tell it from a service. */
const ENTER = 'echo "$$" >"$1/cgroup.procs" && shift && exec "$@"'

const BOOT = `
set -e
mount --make-rprivate /
mount -t proc proc /proc
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs /run
own=$1 units=/run/units
mkdir -p /run/lock /run/systemd "$units"
if [ ! -e "$own/etc" ]; then
  mkdir "$own/lib" "$own/etc"
  # not /etc/mptk, which another test may be making or removing meanwhile
  find /etc -mindepth 1 -maxdepth 1 ! -name systemd ! -name mptk -exec cp -a -t "$own/etc" -- {} +
  mkdir -p "$own/etc/systemd/system"
fi
mount --bind "$own/etc" /etc
mount --bind "$own/lib" /var/lib
for unit in sysinit basic multi-user shutdown network-online nss-lookup; do
  printf '[Unit]\\nDescription=%s\\nDefaultDependencies=no\\n' "$unit" >"$units/$unit.target"
done
for unit in systemd-journald.service systemd-journald.socket; do cp "/lib/systemd/system/$unit" "$units"; done
mkdir "$units/multi-user.target.wants"
ln -s "$units/systemd-journald.service" "$units/multi-user.target.wants"
# what systemd mounts for a service must reach it, as where it is process 1 of a machine
mount --make-rshared /
printf '[Journal]\\nStorage=volatile\\n' >/etc/systemd/journald.conf
exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin \\
  SYSTEMD_UNIT_PATH="/etc/systemd/system:$units" \\
  /lib/systemd/systemd --system --unit=multi-user.target --log-level=warning --show-status=no
`

/** Where cgroup2 is mounted: alone, or beside the hierarchies of version 1. */
export function cgroupRoot(): string {
  const mounted = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
    .find(([, , type]) => type === 'cgroup2')?.[1]
  if (mounted === undefined) throw new Error('no cgroup2 is mounted here')
  return mounted
}

function removeCgroup(path: string): void {
  for (const each of readdirSync(path, { withFileTypes: true })) {
    if (each.isDirectory()) removeCgroup(join(path, each.name))
  }
  rmdirSync(path)
}

export class OwnSystemd {
  /** Words to put before a command that shall run in there. */
  readonly prefix: string[]
  readonly runner: Runner

  readonly #child: ChildProcess
  readonly #cgroup: string

  private constructor(child: ChildProcess, cgroup: string, pid: number) {
    this.#child = child
    this.#cgroup = cgroup
    this.prefix = ['nsenter', '--all', `--target=${pid}`, '--']
    this.runner = {
      run: (argv, options) => localRunner.run([...this.prefix, ...argv], options),
      spawn: (argv, options) => localRunner.spawn([...this.prefix, ...argv], options),
    }
  }

  /**
   * Ended with the test, if not before.
   * @param folder holds its /etc and /var/lib, from one boot to the next
   */
  static async boot(t: Test, network: Namespace, folder: string): Promise<OwnSystemd> {
    const cgroup = join(cgroupRoot(), network.name)
    mkdirSync(cgroup)
    const unshare = ['unshare', '--cgroup', '--pid', '--mount', '--uts', '--ipc', '--fork', '--kill-child']
    const words = ['-c', ENTER, 'sh', cgroup, ...network.prefix, ...unshare, 'sh', '-c', BOOT, 'sh', folder]
    const child = spawn('sh', words, { stdio: ['ignore', 'inherit', 'inherit'] })
    t.teardown(() => end(child, cgroup))
    const systemd = new OwnSystemd(child, cgroup, await firstProcess(child))
    await until('systemd to run', async () => {
      const { stdout, stderr } = await systemd.runner.run(['systemctl', 'is-system-running'], {
        reject: false,
      })
      return stdout === 'running' ? undefined : `${stdout} ${stderr}`
    })
    return systemd
  }

  /** As when the power goes. */
  end(): Promise<void> {
    return end(this.#child, this.#cgroup)
  }

  /** Runs a command in there to its end: what it printed. @throws {MptkError} when it fails */
  async run(...argv: string[]): Promise<string> {
    return (await this.runner.run(argv)).stdout
  }

  async write(path: string, content: string): Promise<void> {
    const script = 'umask 077; mkdir -p "${1%/*}" && cat >"$1"'
    await this.runner.run(['sh', '-c', script, 'sh', path], { input: content })
  }
}

async function end(child: ChildProcess, cgroup: string): Promise<void> {
  if (!existsSync(cgroup)) return
  const running = child.exitCode === null && child.signalCode === null
  const closed = running ? once(child, 'close') : undefined
  child.kill('SIGKILL')
  await closed
  // with process 1 go all the others, but each in its own time
  await until('nobody in the container', () =>
    readFileSync(join(cgroup, 'cgroup.events'), 'utf8').includes('populated 0') ? undefined : 'some',
  )
  removeCgroup(cgroup)
}

/** Process 1 of the container, as it is called out here: the child of unshare, once it is systemd. */
async function firstProcess({ pid = 0 }: ChildProcess): Promise<number> {
  let found = 0
  await until('systemd as process 1', () => {
    found = Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0])
    if (found === 0) return 'no child yet'
    const name = readFileSync(`/proc/${found}/comm`, 'utf8').trim()
    return name === 'systemd' ? undefined : name
  })
  return found
}
