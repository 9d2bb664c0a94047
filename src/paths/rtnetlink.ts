/** Numbers that all of rtnetlink shares (include/uapi/linux/rtnetlink.h). */
export const NETLINK_ROUTE = 0

/** Message types: new, removed, ask. */
export const RTM = {
  newLink: 16,
  delLink: 17,
  getLink: 18,
  newAddress: 20,
  delAddress: 21,
  getAddress: 22,
  newRoute: 24,
  delRoute: 25,
  getRoute: 26,
  newRule: 32,
  delRule: 33,
  getRule: 34,
  newNetconf: 80,
  delNetconf: 81,
} as const

/**
 * Multicast groups (RTNLGRP_*). The last ones tell when forwarding, rp_filter and the like of an
 * interface are changed.
 */
export const RTNLGRP = {
  link: 1,
  address4: 5,
  route4: 7,
  rule4: 8,
  address6: 9,
  route6: 11,
  rule6: 19,
  netconf4: 24,
  netconf6: 25,
} as const
