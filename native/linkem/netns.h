/* Doing something inside another network namespace. */
#ifndef LINKEM_NETNS_H
#define LINKEM_NETNS_H

#include "problem.h"

/*
 * Opens a namespace given as a process id ("1234"), a name of `ip netns` ("client") or a path
 * ("/run/netns/client"). The descriptor, or -1 with problem filled.
 */
int netns_open(const char *field, const char *text, struct problem *problem);
/* Makes this thread's namespace the given one. 0, or -1 with errno. */
int netns_enter(int fd);

#endif
