/*
 * Preloaded library: getsockopt() as older and other kernels answer it, for the branches of
 * info.c and info_out_of_tree.c that the running kernel does not take.
 *   MPTK_TEST_KERNEL=6.1        no MPTCP_FULL_INFO, everything else from the running kernel
 *   MPTK_TEST_KERNEL=5.10       no option of SOL_MPTCP, no TCP_INFO on MPTCP sockets
 *   MPTK_TEST_KERNEL=oot        SOL_TCP 45 as v0.95 of the out-of-tree kernel: two subflows
 *   MPTK_TEST_KERNEL=oot-joined the same after the initial subflow has gone
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* struct mptcp_info of include/uapi/linux/tcp.h there. */
struct pointers {
	uint32_t tcp_info_len, sub_len, meta_len, sub_info_len, total_sub_info_len;
	uint8_t *meta, *initial, *subflows, *subflow_info;
};

enum { META = 48, TCP_INFO_SIZE = 232, SUB_INFO = 56, SUBFLOWS = 2 };

static uint32_t lesser(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Each struct is filled with its own letter, so that a wrong cut shows. */
static int answer_out_of_tree(struct pointers *p, int initial_gone)
{
	uint32_t total = 0;

	p->meta_len = lesser(p->meta_len, META);
	memset(p->meta, 'M', p->meta_len);
	p->tcp_info_len = lesser(p->tcp_info_len, TCP_INFO_SIZE);
	if (p->initial && initial_gone) {
		errno = EINVAL;
		return -1;
	}
	if (p->initial)
		memset(p->initial, 'I', p->tcp_info_len);
	for (int i = 0; i < SUBFLOWS; i++) {
		uint32_t length = lesser(p->sub_len - total, p->tcp_info_len);

		memset(p->subflows + total, '0' + i, length);
		total += length;
	}
	p->sub_len = total;
	p->sub_info_len = lesser(p->sub_info_len, SUB_INFO);
	total = 0;
	for (int i = 0; i < SUBFLOWS; i++) {
		uint32_t length = lesser(p->total_sub_info_len - total, p->sub_info_len);

		memset(p->subflow_info + total, 'a' + i, length);
		total += length;
	}
	p->total_sub_info_len = total;
	return 0;
}

int getsockopt(int fd, int level, int name, void *value, socklen_t *length)
{
	static int (*real)(int, int, int, void *, socklen_t *);
	const char *kernel = getenv("MPTK_TEST_KERNEL");

	if (!real)
		real = (int (*)(int, int, int, void *, socklen_t *))dlsym(RTLD_NEXT, "getsockopt");
	if (level == IPPROTO_TCP && name == 45 && strncmp(kernel, "oot", 3) == 0)
		return answer_out_of_tree(value, strcmp(kernel, "oot-joined") == 0);
	if ((strcmp(kernel, "6.1") == 0 && level == 284 && name == 4) ||
	    (strcmp(kernel, "5.10") == 0 && (level == 284 || (level == IPPROTO_TCP && name == TCP_INFO)))) {
		errno = EOPNOTSUPP;
		return -1;
	}
	return real(fd, level, name, value, length);
}
