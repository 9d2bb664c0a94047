/** A command that ends when a service listens where it shall, and fails as soon as it cannot any more. */
import { formatAddress } from '../../src/address.js'
import type { Command, ServiceResource } from '../resource.js'
import { script } from './commands.js'

type Listen = ServiceResource['listens'][number]

/** How `ss` prints a socket that serves this address; an IPv6 wildcard may serve both families. */
function spellings({ protocol, address, port }: Listen): string[] {
  const where = address.includes(':') ? [`[${address}]`] : [address]
  const any = address === '0.0.0.0' || address === '::' ? ['*', '[::]', '0.0.0.0'] : []
  return [protocol, `${port}`, [...new Set([...where, ...any])].map((each) => `${each}:${port}`).join(' ')]
}

/**
 * Parameters: a command that succeeds while the service lives and one that prints what it last
 * said, each as a script and its parameter; seconds at most; then protocol, port and spellings of
 * each socket.
 */
const WAIT = `
alive=$1 told=$2 subject=$3 left=$(($4 * 10))
shift 4
all_there() {
  while [ "$#" -gt 0 ]; do
    case $1 in tcp) flag=-Hltn ;; *) flag=-Hlun ;; esac
    found=$(ss "$flag" "sport = :$2" | awk -v wanted="$3" '
      BEGIN { split(wanted, list, " ") }
      { sub(/%[^\\]:]*/, "", $4); for (i in list) if ($4 == list[i]) { print "yes"; exit } }')
    if [ -z "$found" ]; then waits_for="$1 $3"; return 1; fi
    shift 3
  done
}
while :; do
  if all_there "$@"; then ready=yes; else ready=; fi
  if ! sh -c "$alive" sh "$subject"; then
    echo "the service has ended:" >&2
    sh -c "$told" sh "$subject" >&2
    exit 1
  fi
  [ -z "$ready" ] || exit 0
  if [ "$left" -le 0 ]; then
    echo "the service does not listen on $waits_for:" >&2
    sh -c "$told" sh "$subject" >&2
    exit 1
  fi
  left=$((left - 1))
  sleep 0.1
done
`

/** Slow machines take their time to start Node. */
const PATIENCE_SECONDS = 30

/** Scripts over `$1`, which is `subject`. */
export interface Life {
  alive: string
  told: string
  subject: string
}

export function waitUntilReady({ alive, told, subject }: Life, { listens }: ServiceResource): Command {
  const where = listens.map(
    ({ protocol, address, port }) => ` ${protocol} ${formatAddress({ host: address, port })}`,
  )
  return {
    ...script(WAIT, [alive, told, subject, `${PATIENCE_SECONDS}`, ...listens.flatMap(spellings)]),
    typed: where.length === 0 ? '' : `# until it listens on${where.join(',')}`,
  }
}

/** Whether a socket of this line's address stands in the way of one that wants `listen`. */
export function stands(listen: Listen, protocol: string, local: string): boolean {
  const [, address = '', port] = /^(?:\[?)([^\]]*?)(?:%[^\]]*)?\]?:(\d+)$/.exec(local) ?? []
  if (protocol !== listen.protocol || Number(port) !== listen.port) return false
  const any = (each: string) => each === '*' || each === '::'
  if (any(address) || any(listen.address)) return true
  if (address === listen.address) return true
  const ipv4 = !listen.address.includes(':')
  return ipv4 && !address.includes(':') && (address === '0.0.0.0' || listen.address === '0.0.0.0')
}
