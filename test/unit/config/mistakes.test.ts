/** What a person sees who gets the configuration file wrong. */
import t from 'tap'
import { checkConfig } from '../../../src/config/load.js'
import { connect, reverse, socks5, transparent } from './minimal.js'

void t.test('every mistake is one line of where, what was expected and what was found', (t) => {
  const cases: [unknown, string][] = [
    [null, 'expected a map of keys and values, found nothing'],
    ['services', 'expected a map of keys and values, found "services"'],
    [[], 'expected a map of keys and values, found a list'],
    [{}, 'services: expected a list, found nothing'],
    [{ services: {} }, 'services: expected a list, found a map'],
    [{ services: [] }, 'services: expected at least one service, found a list'],
    [{ services: ['socks5'] }, 'services[0]: expected a map of keys and values, found "socks5"'],
    [
      { services: [{}] },
      'services[0].type: expected one of socks5, connect, reverse-tcp, transparent, path-test, found nothing',
    ],
    [
      { services: [{ type: 'sock5' }] },
      'services[0].type: expected one of socks5, connect, reverse-tcp, transparent, path-test, found "sock5"',
    ],
    [
      socks5({ listen: 5 }),
      'services[0].listen: expected an IP address with a port (as 127.0.0.1:1080 or [::1]:1080), found 5',
    ],
    [
      socks5({ listen: 'localhost:1080' }),
      'services[0].listen: expected an IP address with a port (as 127.0.0.1:1080 or [::1]:1080), found "localhost:1080"',
    ],
    [
      socks5({ listen: ['127.0.0.1:1080', { port: 1 }] }),
      'services[0].listen[1]: expected an IP address with a port (as 127.0.0.1:1080 or [::1]:1080), found a map',
    ],
    [
      { services: [{ type: 'reverse-tcp', listen: '127.0.0.1:80' }] },
      'services[0].target: expected a target or sites, found neither',
    ],
    [
      { services: [{ type: 'reverse-tcp', listen: '127.0.0.1:80', sites: { 'a.org': 'b:80' } }] },
      'services[0].choose: expected sni or host to choose among sites, found nothing',
    ],
    [reverse({ choose: 'sni' }), 'services[0].sites: expected sites to choose from by sni, found nothing'],
    [
      reverse({ choose: 'sni', sites: {} }),
      'services[0].sites: expected at least one site, found an empty map',
    ],
    [reverse({ choose: 'alpn' }), 'services[0].choose: expected sni or host, found "alpn"'],
    [
      reverse({ choose: 'sni', sites: { 'a.org': 'b' } }),
      'services[0].sites.a.org: expected host:port or [IPv6]:port with a port of 0 to 65535, found "b"',
    ],
    [
      reverse({ choose: 'sni', sites: { 'a.*': 'b:80' } }),
      'services[0].sites.a.*: expected the name of a site as www.example.org or *.example.org, found "a.*"',
    ],
    [
      reverse({ choose: 'host', sites: { 'A.org': 'b:80', 'a.org.': 'c:80' } }),
      'services[0].sites.a.org.: expected each site once, found a.org twice',
    ],
    [reverse({ proxyProtocol: 2 }), 'services[0].proxyProtocol: expected v1 or v2, found 2'],
    [reverse({ target: 'a.org:0' }), 'services[0].target: expected a port of 1 to 65535, found "a.org:0"'],
    [
      reverse({ target: 'a.org' }),
      'services[0].target: expected host:port or [IPv6]:port with a port of 0 to 65535, found "a.org"',
    ],
    [
      socks5({ limits: { connections: '10' } }),
      'services[0].limits.connections: expected a whole number of 1 to 1000000, found "10"',
    ],
    [
      reverse({ limits: { perUser: 5 } }),
      'services[0].limits: expected connections or perSource, found the unknown key "perUser"',
    ],
    [
      socks5({ limits: { perSource: 0 } }),
      'services[0].limits.perSource: expected a whole number of 1 to 1000000, found 0',
    ],
    [
      socks5({ timeouts: { idle: 10 } }),
      'services[0].timeouts.idle: expected a duration as 300ms, 10s, 5m or 1h (1ms to 596h) or 0 for none, found 10',
    ],
    [
      socks5({ timeouts: { idle: '10 s' } }),
      'services[0].timeouts.idle: expected a duration as 300ms, 10s, 5m or 1h (1ms to 596h), found "10 s"',
    ],
    [socks5({ rules: { allow: {} } }), 'services[0].rules: expected a list, found a map'],
    [
      socks5({ rules: [{}] }),
      'services[0].rules[0]: expected either allow or deny: a rule each, found a map',
    ],
    [
      socks5({ rules: [{ allow: {}, deny: {} }] }),
      'services[0].rules[0]: expected either allow or deny: a rule each, found a map',
    ],
    [
      socks5({ rules: [{ deny: { destinations: '10.0.0.0/33' } }] }),
      'services[0].rules[0].deny.destinations: expected an IP address or prefix (as 10.0.0.0/8 or fe80::/10), found "10.0.0.0/33"',
    ],
    [
      socks5({ rules: [{ allow: { sources: ['lan'] } }] }),
      'services[0].rules[0].allow.sources[0]: expected an IP address or prefix (as 10.0.0.0/8 or fe80::/10), found "lan"',
    ],
    [
      connect({ users: { 'alice:b': { password: 'a' } } }),
      'services[0].users.alice:b: expected a name without colons and control characters (RFC 7617), found "alice:b"',
    ],
    [
      socks5({ users: { alice: {} } }),
      'services[0].users.alice: expected either password or passwordHash, found a map',
    ],
    [
      socks5({ users: { alice: { password: 'a', passwordHash: 'scrypt$16384$8$5$AAAA$BBBB' } } }),
      'services[0].users.alice: expected either password or passwordHash, found a map',
    ],
    [
      socks5({ users: { alice: { passwordHash: 'scrypt$16385$8$5$AAAA$BBBB' } } }),
      'services[0].users.alice.passwordHash: expected a hash as mptk passwd prints it, with N a power of two, r and p 1 or more, found other text',
    ],
    [
      socks5({ users: { alice: { passwordHash: 'scrypt$131072$8$99$AAAA$BBBB' } } }),
      'services[0].users.alice.passwordHash: expected a hash as mptk passwd prints it, with N*r up to 2^20 and N*r*p up to 2^22, found other text',
    ],
    [
      socks5({ users: {}, anonymous: true }),
      'services[0].anonymous: expected either users or anonymous: true, found both',
    ],
    [
      socks5({ upstream: { type: 'socks5' } }),
      'services[0].upstream.address: expected host:port or [IPv6]:port, found nothing',
    ],
    [
      socks5({ upstream: { type: 'http', address: 'a:1' } }),
      'services[0].upstream.type: expected socks5, found "http"',
    ],
    [
      socks5({ upstream: { type: 'socks5', address: 'a:1', username: 'alice' } }),
      'services[0].upstream.username: expected username together with password or passwordFile, found one alone',
    ],
    [
      socks5({ upstream: { type: 'socks5', address: 'a:1', password: 'secret' } }),
      'services[0].upstream.username: expected username together with password or passwordFile, found one alone',
    ],
    [
      socks5({
        upstream: { type: 'socks5', address: 'a:1', username: 'a', password: 'secret', passwordFile: 'f' },
      }),
      'services[0].upstream.passwordFile: expected either password or passwordFile, found both',
    ],
    [
      socks5({ upstream: { type: 'socks5', address: 'a:1', whenUnreachable: 'block' } }),
      'services[0].upstream.whenUnreachable: expected refuse or direct, found "block"',
    ],
    [
      socks5({ upstreamFor: { policy: 'all' } }),
      'services[0].upstreamFor: expected an upstream beside upstreamFor, found none',
    ],
    [
      socks5({ upstream: { type: 'socks5', address: 'a:1' }, upstreamFor: { policy: 'some' } }),
      'services[0].upstreamFor.policy: expected one of all, only, except, found "some"',
    ],
    [
      socks5({ upstream: { type: 'socks5', address: 'a:1' }, upstreamFor: { policy: 'only' } }),
      'services[0].upstreamFor.destinations: expected destinations with policy: only, found none',
    ],
    [
      socks5({ upstream: { type: 'socks5', address: 'a:1' }, upstreamFor: { destinations: '10.0.0.0/8' } }),
      'services[0].upstreamFor.destinations: expected none with policy: all, found some',
    ],
    [
      transparent({ upstreamFor: { policy: 'all' } }),
      'services[0].upstreamFor: expected an upstream beside upstreamFor, found none',
    ],
    [
      transparent({ transport: 'mptcp' }),
      'services[0].transport: expected tcp with intercept: redirect, found "mptcp": the kernel tells no original destination (SO_ORIGINAL_DST) of an MPTCP socket',
    ],
    [
      transparent({ listen: ['0.0.0.0:5201', '[::1]:0'] }),
      'services[0].listen[1]: expected a port for nftables to name, found 0',
    ],
    [
      transparent({ intercept: 'divert' }),
      'services[0].intercept: expected redirect or tproxy, found "divert"',
    ],
    [
      transparent({ rules: [{ allow: {} }, { deny: { destinations: ['10.0.0.0/8', 'evil.example'] } }] }),
      'services[0].rules[1].deny.destinations[1]: expected private or a prefix as 10.0.0.0/8, found "evil.example": a transparent service knows addresses, not names',
    ],
    ...['10.1', '0x0a010203', '*.7', '10.1.2.3.4'].map((pattern): [unknown, string] => [
      socks5({ rules: [{ deny: { destinations: pattern } }] }),
      `services[0].rules[0].deny.destinations: expected a name, *.name, private or a prefix as 10.0.0.0/8, found "${pattern}"`,
    ]),
    ...['64:ff9b::', '2001:db8::/95', '10.0.0.0/32', '2001:db8::1%1/96'].map((prefix): [unknown, string] => [
      { ...socks5({}), nat64: prefix },
      `nat64: expected an IPv6 prefix of 32, 40, 48, 56, 64 or 96 bits (as 2001:db8:64::/96), found "${prefix}"`,
    ]),
    [
      transparent({ rules: [{ allow: { users: 'alice' } }] }),
      'services[0].rules[0].allow.users: expected none in a transparent service, where nobody says who he is, found some',
    ],
    [
      transparent({
        upstream: { type: 'socks5', address: 'a:1' },
        upstreamFor: { policy: 'except', destinations: '*.example' },
      }),
      'services[0].upstreamFor.destinations[0]: expected private or a prefix as 10.0.0.0/8, found "*.example": a transparent service knows addresses, not names',
    ],
    [
      connect({ pac: { socks: 'localhost:1080' } }),
      'services[0].pac.socks: expected an IP address with a port (as 127.0.0.1:1080 or [::1]:1080), found "localhost:1080"',
    ],
    [
      connect({ pac: { fallback: 'maybe' } }),
      'services[0].pac.fallback: expected none or direct, found "maybe"',
    ],
    [connect({ pac: true }), 'services[0].pac: expected a map of keys and values, found true'],
    [
      connect({ upstreamFor: { policy: 'all' } }),
      'services[0].upstreamFor: expected an upstream beside upstreamFor, found none',
    ],
    [
      socks5({ usersFile: 5 }),
      'services[0].usersFile: expected a file name without control characters, found 5',
    ],
    [socks5({ name: 'a b' }), 'services[0].name: expected at most 40 letters, digits, _ . -, found "a b"'],
    [
      { ...socks5(), status: '127.0.0.1:9400' },
      'status: expected a map of keys and values, found "127.0.0.1:9400"',
    ],
    [
      { ...socks5(), status: {} },
      'status.listen: expected an IP address with a port (as 127.0.0.1:1080 or [::1]:1080), found nothing',
    ],
    [
      { ...socks5(), log: { level: 'loud' } },
      'log.level: expected one of fatal, error, warn, info, debug, trace, silent, found "loud"',
    ],
    [{ ...socks5(), relay: { threads: 65 } }, 'relay.threads: expected a whole number of 1 to 64, found 65'],
  ]
  for (const [value, message] of cases) {
    t.throws(
      () => checkConfig(value, 'mptk.yaml'),
      { code: 'MPTK_CONFIG', message: `mptk.yaml: ${message}` },
      message,
    )
  }
  t.end()
})

void t.test('an unknown key at each level is named before anything that is missing', (t) => {
  const cases: [unknown, string][] = [
    [{ service: [] }, 'found the unknown key "service": did you mean services?'],
    [
      { services: [{ type: 'socks5', lisen: '127.0.0.1:1080' }] },
      'services[0]: found the unknown key "lisen": did you mean listen?',
    ],
    [{ services: [{ type: 'socks5', lisen: '127.0.0.1:1080' }] }, 'found the unknown key "lisen"'],
    [
      socks5({ limits: { total: 5 } }),
      'services[0].limits: expected one of connections, perSource, perUser, found the unknown key "total"',
    ],
    [
      socks5({ timeouts: { connect: '1s' } }),
      'services[0].timeouts: expected one of handshake, dial, idle, halfClosed, stalled, found the unknown key "connect"',
    ],
    [
      socks5({ rules: [{ accept: {} }] }),
      'services[0].rules[0]: expected allow or deny, found the unknown key "accept"',
    ],
    [
      socks5({ rules: [{ deny: { port: 25 } }] }),
      'services[0].rules[0].deny: found the unknown key "port": did you mean ports?',
    ],
    [
      socks5({ users: { alice: { pasword: 'x' } } }),
      'services[0].users.alice: found the unknown key "pasword": did you mean password?',
    ],
    [socks5({ egress: { transprt: 'tcp' } }), 'found the unknown key "transprt"'],
    [socks5({ upstream: { type: 'socks5', adress: 'a:1' } }), 'found the unknown key "adress"'],
    [
      socks5({ keepalive: { idle: 1, interval: 1, count: 1, probes: 1 } }),
      'services[0].keepalive: expected one of idle, interval, count, found',
    ],
    [socks5({ target: 'a:1' }), 'services[0]: expected one of '],
    [
      { ...socks5(), status: { listen: '127.0.0.1:1', path: '/' } },
      'status: expected listen or names, found the unknown key "path"',
    ],
    [{ ...socks5(), log: { levl: 'info' } }, 'log: found the unknown key "levl": did you mean level?'],
    [{ ...socks5(), relay: { buffer: 2 } }, 'relay: expected threads, found the unknown key "buffer"'],
  ]
  for (const [value, part] of cases) {
    let message = 'accepted'
    try {
      checkConfig(value, 'mptk.yaml')
    } catch (error) {
      message = (error as Error).message
    }
    t.ok(message.startsWith('mptk.yaml: ') && message.includes(part) && !message.includes('\n'), message)
  }
  t.end()
})
