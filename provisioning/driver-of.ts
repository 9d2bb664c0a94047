import type { Driver, DriverTable, Json } from './linux/driver.js'
import type { Resource } from './resource.js'

/** The driver for this resource's kind: that the two fit is what the table's type says of every entry. */
export function driverOf(table: DriverTable, resource: Resource): Driver<Resource, Json> {
  return table[resource.kind]
}
