/*
 * Preloaded into a rival: TCP sockets made before its first listen() become MPTCP, later ones
 * stay TCP. `mptcpize` turns every socket into MPTCP, the connections to the backend too,
 * which then fall back; this is the configuration its authors would write if they could:
 * MPTCP from the client, TCP to the backend.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

static atomic_bool listening;

static void *real(const char *name)
{
	void *symbol = dlsym(RTLD_NEXT, name);

	if (symbol == NULL)
		abort();
	return symbol;
}

int socket(int domain, int type, int protocol)
{
	int (*next)(int, int, int) = (int (*)(int, int, int))real("socket");
	const int kind = type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC);

	if ((domain == AF_INET || domain == AF_INET6) && kind == SOCK_STREAM &&
	    (protocol == 0 || protocol == IPPROTO_TCP) && !atomic_load(&listening))
		protocol = IPPROTO_MPTCP;
	return next(domain, type, protocol);
}

int listen(int fd, int backlog)
{
	int (*next)(int, int) = (int (*)(int, int))real("listen");

	atomic_store(&listening, 1);
	return next(fd, backlog);
}
