/**
 * What nftables tells of its tables (include/uapi/linux/netfilter/nfnetlink.h, nf_tables.h): that
 * something of a table was changed, and whether a table is there. What is in it is nft's to say.
 */
import { errnoName } from '../errors.js'
import { native, type Watcher } from '../native.js'
import { decodeAttributes, decodeMessages, encodeAttribute, type NetlinkMessage } from './netlink.js'
import { netlinkRequest } from './netlink-request.js'
import { cString, u8 } from './struct.js'

const NETLINK_NETFILTER = 12
const NFNLGRP_NFTABLES = 7
const NFNL_SUBSYS_NFTABLES = 10
/** family, version, resource id. */
const NFGENMSG = 4
const GET_TABLE = 1
/** NFT_MSG_NEWSETELEM, DELSETELEM, NEWGEN, GETGEN; DESTROYSETELEM: programs fill sets, and a generation says nothing of a table. */
const NO_STRUCTURE: readonly number[] = [12, 14, 15, 16, 30]
/** NFTA_TABLE_NAME, and the table of a chain, rule, set or object: all have the number 1. */
const TABLE = 1

const FAMILIES = { ip: 2, inet: 1, ip6: 10 } as const

export interface TableName {
  family: keyof typeof FAMILIES
  table: string
}

/** The table whose chains, rules or sets a message is about; undefined for elements of sets and all else. @throws {MptkError} MPTK_NETLINK */
export function changedTable({ type, payload }: NetlinkMessage): TableName | undefined {
  if (type >> 8 !== NFNL_SUBSYS_NFTABLES || NO_STRUCTURE.includes(type & 0xff)) return undefined
  const number = u8(payload, 0)
  const family = (Object.keys(FAMILIES) as (keyof typeof FAMILIES)[]).find(
    (name) => FAMILIES[name] === number,
  )
  const table = decodeAttributes(payload.subarray(NFGENMSG)).get(TABLE)
  return family === undefined || table === undefined ? undefined : { family, table: cString(table) }
}

/** @throws {SystemError} EPERM without CAP_NET_ADMIN, and where the kernel has no nftables */
export function hasTable({ family, table }: TableName): boolean {
  const payload = Buffer.concat([
    Buffer.from([FAMILIES[family], 0, 0, 0]),
    encodeAttribute(TABLE, Buffer.from(`${table}\0`)),
  ])
  const type = (NFNL_SUBSYS_NFTABLES << 8) | GET_TABLE
  try {
    return netlinkRequest(NETLINK_NETFILTER, type, 0, payload, `look for the table ${table}`).length > 0
  } catch (error) {
    if (errnoName(error) === 'ENOENT') return false
    throw error
  }
}

export interface NftablesObserver {
  /** Something of these tables was changed, by whomever; `lost`: possibly of any. */
  onChange(tables: readonly TableName[], lost: boolean): void
  /** A message could not be read; the listener goes on. */
  onError(error: unknown): void
}

/** In the network namespace this process is in. Keeps the process alive until closed. */
export class NftablesListener {
  readonly #fd: number
  readonly #watcher: Watcher
  readonly #observer: NftablesObserver
  #closed = false

  /** @throws {SystemError} EPERM without CAP_NET_ADMIN, EPROTONOSUPPORT where the kernel has no netfilter */
  constructor(observer: NftablesObserver) {
    this.#observer = observer
    this.#fd = native.netlinkListen(NETLINK_NETFILTER, [NFNLGRP_NFTABLES])
    try {
      this.#watcher = native.watch(this.#fd, () => this.#onReadable())
      this.#watcher.start({ readable: true, writable: false })
    } catch (error) {
      native.close(this.#fd)
      throw error
    }
  }

  /** Forgets what waits to be told: whoever changed tables knows of it. */
  skip(): void {
    if (!this.#closed) this.#drain()
  }

  /** Final; nothing is called after it. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#watcher.close()
    native.close(this.#fd)
  }

  #onReadable(): void {
    try {
      const { tables, lost } = this.#drain()
      if (tables.length > 0 || lost) this.#observer.onChange(tables, lost)
    } catch (error) {
      this.#observer.onError(error)
    }
  }

  #drain(): { tables: TableName[]; lost: boolean } {
    const found = new Map<string, TableName>()
    for (let lost = false; ;) {
      try {
        const datagram = native.netlinkReceive(this.#fd)
        if (datagram === undefined) return { tables: [...found.values()], lost }
        for (const message of decodeMessages(datagram)) {
          const name = changedTable(message)
          if (name !== undefined) found.set(`${name.family} ${name.table}`, name)
        }
      } catch (error) {
        if (errnoName(error) !== 'ENOBUFS') throw error
        lost = true
      }
    }
  }
}
