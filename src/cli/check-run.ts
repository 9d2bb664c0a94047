/** What `mptk run` would open, opened and closed again: files, sockets as wished for, addresses, interfaces. */
import type { Config, RelayingConfig, ServiceConfig } from '../config/schema.js'
import { fileMistakes } from '../config/named-files.js'
import { socketWish } from '../config/socket.js'
import type { Mistake } from '../config/load.js'
import { familyOf, plainAddress, type SocketAddress } from '../address.js'
import { describeError, errnoName, MptkError } from '../errors.js'
import { mayConfigureNetwork } from '../kernel/capability.js'
import type { Kernel, SocketWish } from '../kernel/kernel.js'
import { native } from '../native.js'
import { whyNotListening } from '../net/listen.js'
import { readInterfaces } from '../paths/interfaces.js'

export interface RunCheck {
  mistakes: Mistake[]
  /** What could not be looked at, and who can. */
  unchecked: string[]
}

export async function checkRun(config: Config, kernel: Kernel): Promise<RunCheck> {
  const check: RunCheck = { mistakes: await fileMistakes(config), unchecked: [] }
  config.services.forEach((service, index) => checkService(service, `services[${index}]`, kernel, check))
  if (config.status !== undefined) {
    tryAddress(config.status.listen, { transport: 'tcp' }, 'status.listen', kernel, check)
  }
  checkInterfaces(config, check)
  check.unchecked.push('whether ports are free: a running proxy holds its own')
  if (config.host !== undefined) check.unchecked.push('host: what this host can be made: mptk plan says')
  return check
}

function checkService(service: ServiceConfig, path: string, kernel: Kernel, check: RunCheck): void {
  const relaying = service.type === 'path-test' ? undefined : service
  const wish: SocketWish = relaying === undefined ? { transport: 'mptcp' } : socketWish(relaying)
  if (grants(wish, path, kernel, check)) {
    service.listen.forEach((at, index) => {
      const key = service.listen.length > 1 ? `${path}.listen[${index}]` : `${path}.listen`
      tryAddress(at, wish, key, kernel, check)
    })
  }
  for (const [key, out] of waysOut(relaying)) {
    if (!grants(out, `${path}.${key}`, kernel, check) || out.source === undefined) continue
    tryAddress({ address: out.source, port: 0 }, out, `${path}.${key}.source`, kernel, check)
  }
  if (service.type === 'transparent' && service.intercept === 'tproxy' && !mayConfigureNetwork()) {
    check.unchecked.push(`${path}.intercept: tproxy needs CAP_NET_ADMIN`)
  }
}

function waysOut(service: RelayingConfig | undefined): [key: string, wish: SocketWish][] {
  if (service === undefined) return []
  const upstream = 'upstream' in service ? service.upstream : undefined
  const ways: [string, SocketWish][] = [['egress', socketWish({ ...service.egress })]]
  return upstream === undefined ? ways : [...ways, ['upstream', socketWish({ ...upstream })]]
}

/** Whether a socket with every option of the wish can be had. */
function grants(wish: SocketWish, path: string, kernel: Kernel, check: RunCheck): boolean {
  try {
    kernel.check(wish)
    native.close(kernel.openSocket(4, wish).fd)
    return true
  } catch (error) {
    if (
      errnoName(error) === 'EPERM' ||
      (error instanceof MptkError && error.message.includes('CAP_NET_ADMIN'))
    ) {
      check.unchecked.push(`${path}: ${describeError(error)}`)
    } else if (errnoName(error) === 'ENODEV') {
      const text = `expected an interface of this host (${interfaceNames().join(', ')}), found none of the name ${JSON.stringify(wish.device)}`
      check.mistakes.push({ path: `${path}.device`, text })
    } else {
      // the message begins with the key: `congestion: this kernel has no …`
      const [, key, text] =
        /^(congestion|scheduler|pathManager|mptcp): (.*)$/.exec(describeError(error)) ?? []
      check.mistakes.push({
        path: key === undefined ? path : `${path}.${key}`,
        text: text ?? describeError(error),
      })
    }
    return false
  }
}

/** Whether this host has the address: bound at a port of the kernel's choice, since its own may be in use by a running proxy. */
function tryAddress(
  at: SocketAddress,
  wish: SocketWish,
  path: string,
  kernel: Kernel,
  check: RunCheck,
): void {
  const { fd } = kernel.openSocket(familyOf(at.address) === 6 ? 6 : 4, wish)
  try {
    native.bind(fd, at.address, 0)
  } catch (error) {
    check.mistakes.push({ path, text: `${plainAddress(at.address)}: ${whyNotListening(error)}` })
  } finally {
    native.close(fd)
  }
}

function checkInterfaces({ host }: Config, { mistakes, unchecked }: RunCheck): void {
  if (host === undefined) return
  let names: string[]
  try {
    names = interfaceNames()
  } catch (error) {
    unchecked.push(`host: interfaces: ${describeError(error)}`)
    return
  }
  const named = [
    ...Object.keys(host.uplinks).map((name) => ({ path: `host.uplinks.${name}`, name })),
    ...(host.lan?.interfaces ?? []).map((name, index) => ({ path: `host.lan.interfaces[${index}]`, name })),
  ]
  for (const { path, name } of named) {
    if (names.includes(name)) continue
    const text = `expected an interface of this host (${names.join(', ')}), found none of the name ${JSON.stringify(name)}`
    mistakes.push({ path, text })
  }
}

const interfaceNames = (): string[] => [...readInterfaces().keys()]
