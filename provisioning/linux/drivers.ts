/** Every kind of resource and the driver that knows how. */
import { addressDriver } from './address.js'
import { bootDriver } from './boot.js'
import type { DriverTable } from './driver.js'
import { endpointDriver } from './endpoint.js'
import { fileDriver } from './file.js'
import { limitsDriver } from './limits.js'
import { moduleDriver } from './module.js'
import { multipathFlagDriver } from './multipath-flag.js'
import { nftTableDriver } from './nft-table.js'
import { routeTableDriver } from './route-table.js'
import { ruleDriver } from './rule.js'
import { serviceDriver } from './service.js'
import { sysctlDriver } from './sysctl.js'
import { tunDriver } from './tun.js'

export const DRIVERS: DriverTable = {
  module: moduleDriver,
  sysctl: sysctlDriver,
  limits: limitsDriver,
  endpoint: endpointDriver,
  address: addressDriver,
  'route-table': routeTableDriver,
  rule: ruleDriver,
  'nft-table': nftTableDriver,
  tun: tunDriver,
  'multipath-flag': multipathFlagDriver,
  file: fileDriver,
  service: serviceDriver,
  boot: bootDriver,
}
