/** Listeners that anybody could use as a proxy. */
import t from 'tap'
import { checkConfig } from '../../../src/config/load.js'
import { connect, reverse, socks5, transparent } from './minimal.js'

void t.test('a proxy for anybody is refused unless it is asked for', (t) => {
  for (const listen of ['0.0.0.0:1080', '[::]:1080', '192.0.2.1:1080', ['127.0.0.1:1080', '10.0.0.1:1080']]) {
    t.throws(() => checkConfig(socks5({ listen }), 'mptk.yaml'), {
      code: 'MPTK_OPEN_PROXY',
      message:
        /^mptk\.yaml: services\[0\]\.listen: expected users, usersFile or anonymous: true for a listener off loopback, found none for \S+: anybody could use this proxy$/,
    })
    for (const more of [
      { users: { alice: { password: 'x' } } },
      { usersFile: 'users.yaml' },
      { anonymous: true },
    ]) {
      t.doesNotThrow(
        () => checkConfig(socks5({ listen, ...more }), 'test'),
        `${String(listen)} with ${Object.keys(more)[0]}`,
      )
    }
  }
  t.doesNotThrow(
    () => checkConfig(socks5({ listen: ['127.0.0.9:1080', '[::1]:1080'] }), 'test'),
    'loopback is for this machine',
  )
  for (const more of [{}, { anonymous: false }]) {
    t.throws(() => checkConfig(connect({ listen: '0.0.0.0:3128', ...more }), 'test'), {
      code: 'MPTK_OPEN_PROXY',
    })
  }
  t.doesNotThrow(() => checkConfig(connect({ listen: '0.0.0.0:3128', usersFile: 'users.yaml' }), 'test'))
  t.doesNotThrow(() => checkConfig(transparent(), 'test'), 'the kernel says who was brought here')
  t.doesNotThrow(() => checkConfig(transparent({ intercept: 'tproxy', transport: 'mptcp' }), 'test'))
  t.doesNotThrow(
    () => checkConfig(reverse({ listen: '0.0.0.0:80' }), 'test'),
    "a fixed target is the owner's choice",
  )
  t.end()
})
