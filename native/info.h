/* What a kernel says about one MPTCP connection, read without N-API so that any thread can. */
#ifndef MPTK_INFO_H
#define MPTK_INFO_H

#include "common.h"

/* First member of what was read, one block of memory for free(). */
struct mptk_testimony {
	/* The object of src/native.ts that it becomes; NULL with an exception pending. */
	napi_value (*object)(napi_env env, const struct mptk_testimony *self);
};

/* RawUpstreamInfo. Structs grow with every kernel: sizes are what the kernel said. */
struct mptk_upstream_info {
	struct mptk_testimony testimony;
	const char *source; /* "full" or "separate" */
	const void *info;   /* struct mptcp_info */
	size_t info_length;
	const void *tcp_info; /* so many times struct tcp_info */
	size_t tcp_info_size, tcp_info_count;
	const void *addresses; /* so many times struct mptcp_subflow_info, or mptcp_subflow_addrs */
	size_t addresses_size, addresses_count;
};

/*
 * 0 and *out to be freed, or the errno: EOPNOTSUPP or ENOPROTOOPT where there is no MPTCP, or
 * the kernel is older. Full is one question (6.5), separate are three (5.16); upstream takes
 * the first of them that there is.
 */
int mptk_upstream_info_read(int fd, struct mptk_upstream_info **out);
int mptk_full_info_read(int fd, struct mptk_upstream_info **out);
int mptk_separate_info_read(int fd, struct mptk_upstream_info **out);

/* RawOutOfTreeInfo. 0 and *out to be freed, or the errno; never to be asked of another kernel (info_out_of_tree.c). */
int mptk_out_of_tree_info_read(int fd, struct mptk_testimony **out);

/* What an MPTCP option answers when there is no MPTCP (any more), or the option is newer than the kernel. */
bool mptk_means_absent(int err);
/* The testimony of a struct mptk_upstream_info (info.c). */
napi_value mptk_upstream_info_object(napi_env env, const struct mptk_testimony *self);

#endif
