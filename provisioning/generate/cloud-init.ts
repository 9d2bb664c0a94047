/** User data for a rented server: installs mptk and everything that the systemd output has. */
import { stringify } from 'yaml'
import { ofKind, type Generator } from './output.js'
import { barriersOf, HOST_UNIT, systemdFiles, unitsOf } from './systemd.js'

/** The native core is built on the target; the rest is what the drivers run. */
const PACKAGES = ['nodejs', 'npm', 'g++', 'make', 'python3', 'iproute2', 'nftables']

export const cloudInitFiles: Generator = (description, target) => {
  const dns = ofKind(description, 'service').some(({ argv }) =>
    argv.some((word) => /(^|\/)dnsmasq$/.test(word)),
  )
  const files = systemdFiles(description, target)
  const userData = {
    package_update: true,
    packages: [...PACKAGES, ...(dns ? ['dnsmasq-base'] : [])],
    write_files: files.map(({ path, mode, content }) => ({
      path,
      permissions: mode,
      owner: 'root:root',
      content,
    })),
    runcmd: [
      // an older Node is refused rather than tried
      ['npm', 'install', '--global', '--engine-strict', 'mptcp-toolkit'],
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
