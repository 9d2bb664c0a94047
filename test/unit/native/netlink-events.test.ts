import t from 'tap'
import { native } from '../../../src/native.js'
import { thrown } from './loopback.js'

const NETLINK_ROUTE = 0
const RTNLGRP_LINK = 1

void t.test('nothing waits at first', (t) => {
  const fd = native.netlinkListen(NETLINK_ROUTE, [RTNLGRP_LINK])
  t.teardown(() => native.close(fd))
  t.equal(native.netlinkReceive(fd), undefined)
  t.end()
})

void t.test('wrong arguments', (t) => {
  const groups = { name: 'TypeError', message: 'groups: expected an array of group numbers' }
  t.throws(() => native.netlinkListen(NETLINK_ROUTE, 1 as unknown as number[]), groups)
  t.throws(() => native.netlinkListen(NETLINK_ROUTE, [1.5]), {
    name: 'TypeError',
    message: 'groups: expected an integer from 0 to 2147483647',
  })
  t.match(
    thrown(() => native.netlinkListen(NETLINK_ROUTE, [100_000])),
    { code: 'EINVAL', syscall: 'netlink join' },
    'there is no such group',
  )
  t.match(
    thrown(() => native.netlinkListen(9999, [])),
    { code: 'EPROTONOSUPPORT', syscall: 'netlink socket' },
  )
  t.match(
    thrown(() => native.netlinkReceive(-1)),
    { code: 'EBADF', syscall: 'netlink recv' },
  )
  t.end()
})
