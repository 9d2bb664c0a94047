/** What is compiled here carries the usual marks of hardening, as `readelf` (binutils) reads them. */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const BUILT = ['Release/mptk.node', 'linkem']

for (const name of BUILT) {
  void t.test(name, (t) => {
    const file = fileURLToPath(new URL(`../../../build/${name}`, import.meta.url))
    const read = (...flags: string[]): string =>
      execFileSync('readelf', ['--wide', ...flags, file], { encoding: 'utf8' })

    t.match(read('--dynamic'), /\(FLAGS_1\).*\bNOW\b/, 'every symbol is bound at the start (BIND_NOW)')
    const segments = read('--segments')
    t.match(segments, /GNU_RELRO/, 'and what was bound is read-only from then on (RELRO)')
    t.match(segments, /GNU_STACK(\s+0x[0-9a-f]+){5}\s+RW\s/, 'the stack is not executable')
    const symbols = read('--dyn-syms')
    t.match(symbols, /__stack_chk_fail/, 'stack protector')
    t.match(symbols, /\b__\w+_chk\b/, 'FORTIFY: calls whose bounds the C library checks')
    t.match(read('--file-header'), /Type:\s+DYN/, 'position independent')
    t.end()
  })
}
