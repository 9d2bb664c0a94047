/** User data for a rented server: installs mptk from a file whose hash is known, and everything that the systemd output has. */
import { dirname } from 'node:path'
import { stringify } from 'yaml'
import { MptkError } from '../../src/errors.js'
import { ofKind, type Generator } from './output.js'
import { barriersOf, HOST_UNIT, systemdFiles, unitsOf } from './systemd.js'

/** What installs mptk, and what the drivers run. */
const PACKAGES = ['nodejs', 'npm', 'curl', 'ca-certificates', 'iproute2', 'nftables']
/** Where the package has no prebuilt core for the target. */
const COMPILERS = ['g++', 'make', 'python3']

/** What `--package` is, in words. */
export const EXPECTED_PACKAGE =
  'the URL of a tarball of mptcp-toolkit (http, https) or its absolute path on the target'

/**
 * One step, because cloud-init goes on after one that fails: nothing is installed but the very file
 * that was checked. An older Node is refused rather than tried.
 */
const INSTALL = `folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
file=$folder/mptcp-toolkit.tgz
case $1 in
/*) cp -- "$1" "$file" ;;
*) curl --fail --silent --show-error --location --proto =http,https --retry 5 --retry-connrefused --output "$file" -- "$1" ;;
esac
echo "$2  $file" | sha256sum --check --strict
npm install --global --engine-strict --prefix "$3" "$file"
`

/** @throws {MptkError} MPTK_USAGE without {@link Target.package}, or with an `mptk` that npm cannot put there */
export const cloudInitFiles: Generator = (description, target) => {
  const { package: tarball, mptk } = target
  if (tarball === undefined) {
    throw new MptkError('MPTK_USAGE', `--package: expected ${EXPECTED_PACKAGE}, found none`)
  }
  if (!/^\/(.*\/)?bin\/mptk$/.test(mptk)) {
    throw new MptkError(
      'MPTK_USAGE',
      `--mptk: expected PREFIX/bin/mptk, where npm puts it, found ${JSON.stringify(mptk)}`,
    )
  }
  const dns = ofKind(description, 'service').some(({ argv }) =>
    argv.some((word) => /(^|\/)dnsmasq$/.test(word)),
  )
  const files = systemdFiles(description, target)
  const prefix = dirname(dirname(mptk))
  const userData = {
    package_update: true,
    packages: [...PACKAGES, ...(tarball.compile ? COMPILERS : []), ...(dns ? ['dnsmasq-base'] : [])],
    write_files: files.map(({ path, mode, content }) => ({
      path,
      permissions: mode,
      owner: 'root:root',
      content,
    })),
    runcmd: [
      ['sh', '-ec', INSTALL, 'sh', tarball.source, tarball.sha256, prefix],
      ['systemctl', 'daemon-reload'],
      // before anything is forwarded
      ...barriersOf(description).map(({ name }) => ['systemctl', 'enable', '--now', `${name}.service`]),
      ['sysctl', '--system'],
      ['systemctl', 'enable', '--now', HOST_UNIT],
      ['systemctl', 'enable', '--now', ...unitsOf(description)],
    ],
  }
  return [
    { path: '/user-data', mode: '0600', content: `#cloud-config\n${stringify(userData, { lineWidth: 0 })}` },
  ]
}
