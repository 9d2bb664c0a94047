/* Reading a netlink socket: for requests (netlink.c) and for events (netlink_events.c). */
#ifndef MPTK_NETLINK_H
#define MPTK_NETLINK_H

#include "common.h"

/*
 * Takes one datagram, never waiting for it: 0 and *length bytes at *data that the caller frees, or
 * the errno. Any process may send to a netlink socket: *from_kernel says who did.
 */
int mptk_netlink_take(int fd, uint8_t **data, size_t *length, bool *from_kernel);

#endif
