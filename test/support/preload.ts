/** Builds the library that makes this machine look like another kernel to one process, and the /proc it shows. */
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'

const SOURCES = ['out-of-tree-preload.c', 'out-of-tree-info.c'].map((name) =>
  fileURLToPath(new URL(`../native/${name}`, import.meta.url)),
)
const FLAGS = ['-std=gnu11', '-D_GNU_SOURCE', '-O2', '-Wall', '-Wextra', '-Werror', '-shared', '-fPIC']

export class FakeKernel {
  readonly #library: string
  readonly #proc: string

  constructor(t: Test) {
    this.#proc = mkdtempSync(join(tmpdir(), 'mptk-fake-kernel-'))
    t.teardown(() => rmSync(this.#proc, { recursive: true }))
    // also for a process of another user
    chmodSync(this.#proc, 0o755)
    this.#library = join(this.#proc, 'preload.so')
    execFileSync('gcc', [...FLAGS, '-o', this.#library, ...SOURCES, '-ldl'])
  }

  /** Sets a file below /proc, as `sys/net/mptcp/mptcp_enabled`. */
  write(path: string, text: string | number): void {
    const file = join(this.#proc, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, `${text}\n`)
  }

  /** Environment of a process that shall see this kernel. */
  env(
    kernel: 'out-of-tree' | 'v0.96' | 'tcp-only',
    more: Record<string, string> = {},
  ): Record<string, string> {
    return { LD_PRELOAD: this.#library, FAKE_KERNEL: kernel, FAKE_PROC: this.#proc, ...more }
  }
}

/** The sysctls of v0.95 as it boots. */
export function bootedOutOfTree(t: Test): FakeKernel {
  const fake = new FakeKernel(t)
  const sysctls = {
    enabled: 1,
    version: 0,
    checksum: 1,
    debug: 0,
    syn_retries: 3,
    path_manager: 'default',
    scheduler: 'default',
  }
  for (const [name, value] of Object.entries(sysctls)) fake.write(`sys/net/mptcp/mptcp_${name}`, value)
  fake.write('net/mptcp_net/snmp', 'MPCapableSYNTX                  \t9\nMPCapableFallbackSYNACK         \t2')
  fake.write('net/mptcp_net/mptcp', '')
  return fake
}
