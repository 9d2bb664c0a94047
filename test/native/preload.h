/* What the files of the preloaded library share: the C library's own functions, and errors. */
#ifndef PRELOAD_H
#define PRELOAD_H

#include <errno.h>
#include <stdint.h>

/* The next definition of a function that the library replaces. */
#define REAL(name) ((__typeof__(&(name)))preload_real(#name))

void *preload_real(const char *name);

/* sizeof(struct mptcp_info) there: five lengths, four pointers. */
#define POINTERS_SIZE 56

/* Answer to MPTCP_INFO (45) on a connection that negotiated MPTCP; -1 with errno set on failure. */
int preload_connection_info(int fd, void *value);

static inline int fail(int err)
{
	errno = err;
	return -1;
}

static inline uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

#endif
