/** Units for the services and one that makes the host ready before them at every boot. */
import { defaultState } from '../engine-place.js'
import { applyHardening } from '../linux/unit-hardening.js'
import { unitText } from '../linux/unit-text.js'
import { unitWord } from '../linux/unit-words.js'
import { configurationFile, MADE, ofKind, type Generator, type Target } from './output.js'
import { sysctlFiles } from './sysctl-d.js'

export const HOST_UNIT = 'mptk-host.service'

const words = (...argv: string[]): string => argv.map(unitWord).join(' ')

/** `--without-services`: the services are units already, and wait for this one. */
function hostUnit({ mptk, configFile }: Target, services: readonly string[]): string {
  return `${MADE}
[Unit]
Description=mptk: endpoints, routes and rules of this host
Wants=network-online.target
After=network-online.target
Before=${services.join(' ')}

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=${words(mptk, 'apply', '--at-boot', '--config', configFile, '--without-services')}
ExecStop=${words(mptk, 'revert')}
${applyHardening([mptk, configFile], defaultState()).join('\n')}

[Install]
WantedBy=multi-user.target
`
}

export function unitsOf(description: Parameters<Generator>[0]): string[] {
  return ofKind(description, 'service').map(({ name }) => `${name}.service`)
}

export const systemdFiles: Generator = (description, target) => [
  configurationFile(target),
  ...ofKind(description, 'service').map((service) => ({
    path: `/etc/systemd/system/${service.name}.service`,
    mode: '0644',
    content: unitText(service),
  })),
  {
    path: `/etc/systemd/system/${HOST_UNIT}`,
    mode: '0644',
    content: hostUnit(target, unitsOf(description)),
  },
  ...sysctlFiles(description, target),
]
