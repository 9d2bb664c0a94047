/** Which tarball cloud-init is to install: its hash is always known. */
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { tarballOf } from '../../../src/cli/package-options.js'
import { scratchFolder } from '../../support/scratch.js'

const HASH = 'ab'.repeat(32)
const URL = 'https://example.org/mptk.tgz'
const options = (given: Record<string, unknown>): Parameters<typeof tarballOf>[1] => ({
  package: undefined,
  'package-sha256': undefined,
  'package-compile': false,
  ...given,
})

void t.test('a URL with its hash, a path with or without', async (t) => {
  t.strictSame(await tarballOf(true, options({ package: URL, 'package-sha256': HASH.toUpperCase() })), {
    source: URL,
    sha256: HASH,
    compile: false,
  })
  const file = join(scratchFolder(t), 'mptk.tgz')
  writeFileSync(file, 'a tarball')
  const sha256 = createHash('sha256').update('a tarball').digest('hex')
  t.match(await tarballOf(true, options({ package: file })), { source: file, sha256 })
  t.match(await tarballOf(true, options({ package: '/only/there.tgz', 'package-sha256': HASH })), {
    sha256: HASH,
  })
  t.equal(await tarballOf(true, options({})), undefined)
  t.equal(await tarballOf(false, options({})), undefined)
})

void t.test('wrong ones are one clear error', async (t) => {
  const file = join(scratchFolder(t), 'mptk.tgz')
  writeFileSync(file, 'a tarball')
  const wrong: [string, RegExp, Record<string, unknown>][] = [
    [
      'a URL without its hash',
      /^--package-sha256: expected the hash of https:.*found none/,
      { package: URL },
    ],
    ['a path that is not here', /^--package-sha256: expected the hash of \/none/, { package: '/none' }],
    ['a name', /^--package: expected the URL .*, found "mptcp-toolkit"$/, { package: 'mptcp-toolkit' }],
    ['another scheme', /^--package: .*found "git:/, { package: 'git://example.org/mptk' }],
    [
      'a hash that is none',
      /^--package-sha256: expected 64 .*"12"$/,
      { package: URL, 'package-sha256': '12' },
    ],
    [
      "another file's hash",
      /^--package-sha256: expected \w{64}, which/,
      { package: file, 'package-sha256': HASH },
    ],
    ['a hash of nothing', /^--package: expected beside/, { 'package-sha256': HASH }],
  ]
  for (const [name, message, given] of wrong) {
    await t.rejects(tarballOf(true, options(given)), { code: 'MPTK_USAGE', message }, name)
  }
  await t.rejects(tarballOf(false, options({ package: URL })), { message: /are for cloud-init alone$/ })
})
