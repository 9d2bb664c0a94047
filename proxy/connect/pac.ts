/**
 * The proxy auto-configuration file: JavaScript that programs ask about each address they open.
 * It says what the service itself would do, and keeps local destinations away from it. Nothing
 * is looked up: a prefix is about literal addresses. ES5, for old programs' interpreters.
 */
import { familyOf, formatAddress, plainAddress, type SocketAddress } from '../../src/address.js'
import type { PacConfig } from '../../src/config/connect.js'
import type { UpstreamForConfig } from '../../src/config/service.js'
import { parseIP } from '../../src/kernel/sockaddr.js'
import { PRIVATE, PRIVATE_NETWORKS } from '../../src/private-networks.js'

export const PAC_TYPE = 'application/x-ns-proxy-autoconfig'

/** Loopback and private networks: reached without any proxy. */
export const LOCAL_NETWORKS = ['127.0.0.0/8', '::1', ...PRIVATE_NETWORKS]

export interface PacFacts {
  /** This service as the asking program reaches it. */
  proxy: SocketAddress
  config: PacConfig
  /** Undefined: everything goes through. */
  upstreamFor?: UpstreamForConfig | undefined
}

export function pacFile({ proxy, config, upstreamFor }: PacFacts): string {
  const { policy, destinations = [] } = upstreamFor ?? { policy: 'all' as const }
  return [
    '// made by mptk: which addresses go through its proxy, and which go straight',
    `var THROUGH = ${JSON.stringify(through(proxy, config))};`,
    `var LOCAL = ${JSON.stringify(tableOf(LOCAL_NETWORKS))};`,
    `var LISTED = ${JSON.stringify(tableOf(destinations))};`,
    FIND(DECISIONS[policy]),
    FUNCTIONS,
  ].join('\n')
}

/** Expressions of the script, true for what goes straight. */
const DECISIONS = {
  all: 'isLocal(host)',
  except: 'isLocal(host) || isIn(LISTED, host)',
  only: '!isIn(LISTED, host)',
}

const FIND = (goesStraight: string): string => `
function FindProxyForURL(url, host) {
  host = host.toLowerCase().replace(/^\\[|\\]$/g, "").replace(/\\.$/, "");
  return ${goesStraight} ? "DIRECT" : THROUGH;
}
`

/** RFC 4291 §2.5.5.2: the beginning of IPv4-mapped addresses, which are IPv4 to the service as well. */
const MAPPED = '0'.repeat(80) + '1'.repeat(16)

/** Addresses are compared as text: "4:" or "6:" and their bits. */
const FUNCTIONS = `var MAPPED = "${MAPPED}";

function isLocal(host) {
  return /^[^.:]*$/.test(host) || isIn(LOCAL, host);
}

function isIn(table, host) {
  var address = addressKey(host);
  var i;
  for (i = 0; i < table.prefixes.length; i++) {
    if (address.indexOf(table.prefixes[i]) === 0) return true;
  }
  for (i = 0; i < table.names.length; i++) {
    if (table.names[i] === "*" || table.names[i] === host) return true;
  }
  for (i = 0; i < table.below.length; i++) {
    if (host.slice(-table.below[i].length) === table.below[i]) return true;
  }
  return false;
}

function addressKey(host) {
  var quad = /^(\\d{1,3})\\.(\\d{1,3})\\.(\\d{1,3})\\.(\\d{1,3})$/.exec(host);
  if (quad) return "4:" + bits(quad.slice(1), 10, 8);
  if (host.indexOf(":") < 0) return "";
  host = host.replace(/%.*$/, "").replace(/(\\d+)\\.(\\d+)\\.(\\d+)\\.(\\d+)$/, function (all, a, b, c, d) {
    return (a * 256 + Number(b)).toString(16) + ":" + (c * 256 + Number(d)).toString(16);
  });
  var halves = host.split("::");
  var left = halves[0] ? halves[0].split(":") : [];
  var right = halves[1] ? halves[1].split(":") : [];
  while (left.length + right.length < 8) left.push("0");
  var all = bits(left.concat(right), 16, 16);
  return all.indexOf(MAPPED) === 0 ? "4:" + all.slice(MAPPED.length) : "6:" + all;
}

function bits(groups, radix, width) {
  var all = "";
  for (var i = 0; i < groups.length; i++) {
    var digits = parseInt(groups[i], radix).toString(2);
    while (digits.length < width) digits = "0" + digits;
    all += digits;
  }
  return all;
}
`

function through(proxy: SocketAddress, { socks, fallback }: PacConfig): string {
  const plain = { ...proxy, address: plainAddress(proxy.address) }
  return [
    // SOCKS is version 4 to some programs, and 5 to others that do not know SOCKS5
    ...(socks === undefined ? [] : [`SOCKS5 ${formatAddress(socks)}`, `SOCKS ${formatAddress(socks)}`]),
    `PROXY ${formatAddress(plain)}`,
    ...(fallback === 'direct' ? ['DIRECT'] : []),
  ].join('; ')
}

/** @param patterns as the schema's `destinationPattern` lets them through */
function tableOf(patterns: readonly string[]): { prefixes: string[]; names: string[]; below: string[] } {
  const plain = patterns.flatMap((each) => (each === PRIVATE ? PRIVATE_NETWORKS : [each.toLowerCase()]))
  const names = plain.filter((each) => !isPrefix(each))
  return {
    prefixes: plain.filter(isPrefix).map(prefixKey),
    names: names.filter((each) => !each.startsWith('*.')).map((each) => each.replace(/\.$/, '')),
    below: names.filter((each) => each.startsWith('*.')).map((each) => each.slice(1)),
  }
}

function isPrefix(pattern: string): boolean {
  return familyOf(pattern.split('/')[0] ?? '') !== 0
}

function prefixKey(prefix: string): string {
  const [address = '', length] = prefix.split('/')
  const bytes = parseIP(address)
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('')
  const known = bits.slice(0, length === undefined ? bits.length : Number(length))
  if (bytes.length === 4) return `4:${known}`
  return known.startsWith(MAPPED) ? `4:${known.slice(MAPPED.length)}` : `6:${known}`
}
