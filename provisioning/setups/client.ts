/**
 * A computer with several uplinks whose programs use a local proxy: nothing but the programs'
 * settings is left to do, and these are notes, since they belong to users, not to the host.
 */
import { formatAddress, type SocketAddress } from '../../src/address.js'
import type { ServiceConfig } from '../../src/config/schema.js'
import type { HostedConfig, Setup } from './part.js'

export function clientSetup(config: HostedConfig): Setup {
  return { resources: [], notes: programSettings(config), warnings: [] }
}

function programSettings({ services }: HostedConfig): string[] {
  const socks = listenerOf(services, 'socks5')
  const connect = listenerOf(services, 'connect')
  const pac = connect === undefined ? undefined : `http://${formatAddress(connect)}/proxy.pac`
  return [
    ...(socks === undefined
      ? []
      : [`programs in a shell: export ALL_PROXY=socks5h://${formatAddress(socks)}`]),
    ...(connect === undefined
      ? []
      : [`programs that know HTTP proxies only: export https_proxy=http://${formatAddress(connect)}`]),
    ...(pac === undefined ? manualDesktop(socks) : automaticDesktop(pac)),
  ]
}

function listenerOf(services: readonly ServiceConfig[], type: string): SocketAddress | undefined {
  return services.find((each) => (each.type as string) === type)?.listen[0]
}

const KDE = 'kwriteconfig5 --file kioslaverc --group "Proxy Settings" --key'

function automaticDesktop(pac: string): string[] {
  return [
    `browsers: automatic proxy configuration URL ${pac}`,
    `GNOME: gsettings set org.gnome.system.proxy autoconfig-url ${pac} && gsettings set org.gnome.system.proxy mode auto`,
    `KDE: ${KDE} "Proxy Config Script" ${pac} && ${KDE} ProxyType 2`,
  ]
}

function manualDesktop(socks: SocketAddress | undefined): string[] {
  if (socks === undefined) return []
  const { address, port } = socks
  return [
    `GNOME: gsettings set org.gnome.system.proxy.socks host ${address} && gsettings set org.gnome.system.proxy.socks port ${port} && gsettings set org.gnome.system.proxy mode manual`,
    `KDE: ${KDE} socksProxy "socks://${address} ${port}" && ${KDE} ProxyType 1`,
  ]
}
