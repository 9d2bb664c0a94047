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
} as const
