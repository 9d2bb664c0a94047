/** Units for the services, one that makes the host ready before them at every boot, and a router's barrier before all. */
import { defaultState } from '../engine-place.js'
import { bootUnit } from '../linux/boot.js'
import { applyHardening } from '../linux/unit-hardening.js'
import { unitText } from '../linux/unit-text.js'
import { unitWord } from '../linux/unit-words.js'
import { barrierBoot } from '../setups/barrier.js'
import { configurationFile, MADE, ofKind, type Generator, type Target } from './output.js'
import type { BootResource } from '../resource.js'
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

/** Set before the network is up, whatever forwards by then: sysctl.d is read as early. */
export function barriersOf(description: Parameters<Generator>[0]): BootResource[] {
  return barrierBoot(ofKind(description, 'rule'))
}

export const systemdFiles: Generator = (description, target) => [
  configurationFile(target),
  ...ofKind(description, 'service').map((service) => ({
    path: `/etc/systemd/system/${service.name}.service`,
    mode: '0644',
    content: unitText(service),
  })),
  ...barriersOf(description).map((barrier) => ({
    path: `/etc/systemd/system/${barrier.name}.service`,
    mode: '0644',
    content: bootUnit(barrier),
  })),
  {
    path: `/etc/systemd/system/${HOST_UNIT}`,
    mode: '0644',
    content: hostUnit(target, unitsOf(description)),
  },
  ...sysctlFiles(description, target),
]
