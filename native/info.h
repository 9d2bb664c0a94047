/* MPTCP_FULL_INFO of upstream Linux (6.5), read without N-API so that any thread can. */
#ifndef MPTK_INFO_H
#define MPTK_INFO_H

#include "common.h"

/* Structs grow with every kernel: sizes are what the kernel said. */
struct mptk_full_info {
	void *info; /* struct mptcp_info */
	size_t info_length;
	void *tcp_info; /* count times struct tcp_info */
	size_t tcp_info_size;
	void *subflow_info; /* count times struct mptcp_subflow_info */
	size_t subflow_info_size;
	size_t count;
};

/* 0 and *out to be freed, or the errno: EOPNOTSUPP or ENOPROTOOPT without MPTCP or before 6.5. */
int mptk_full_info_read(int fd, struct mptk_full_info **out);
void mptk_full_info_free(struct mptk_full_info *full);

/* RawUpstreamInfo of src/native.ts (info.c); NULL with an exception pending. */
napi_value mptk_full_info_object(napi_env env, const struct mptk_full_info *full);

#endif
