/*
 * One call that says everything about an MPTCP connection and its subflows at one moment:
 * MPTCP_FULL_INFO, struct mptcp_full_info of include/uapi/linux/mptcp.h.
 */
#include "info.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define OPT_MPTCP_FULL_INFO 4

/* 96, 280 and 264 bytes on Linux 6.18. */
#define MPTCP_INFO_ROOM 512
#define TCP_INFO_ROOM 512
#define SUBFLOW_INFO_ROOM 512
/* The in-kernel path manager allows 8 extra subflows; a userspace one more. */
#define SUBFLOWS_FIRST 10

/* Fields the kernel fills must be 0 on input. */
struct answer {
	uint32_t size_tcpinfo_kernel;
	uint32_t size_tcpinfo_user;
	uint32_t size_sfinfo_kernel;
	uint32_t size_sfinfo_user;
	uint32_t num_subflows;
	uint32_t size_arrays_user;
	uint64_t subflow_info;
	uint64_t tcp_info;
	uint8_t mptcp_info[MPTCP_INFO_ROOM];
};

/* What is handed out, with the memory its pointers point to. */
struct rooms {
	struct mptk_upstream_info full;
	struct answer answer;
	uint8_t arrays[];
};

/* 0, or the errno. *out is the caller's to free, whatever is returned. */
static int ask(int fd, size_t count, struct rooms **out)
{
	struct rooms *rooms = calloc(1, sizeof(*rooms) + count * (TCP_INFO_ROOM + SUBFLOW_INFO_ROOM));
	socklen_t length = sizeof(rooms->answer);
	const size_t header = offsetof(struct answer, mptcp_info);
	struct answer *answer;

	*out = rooms;
	if (!rooms)
		return ENOMEM;
	answer = &rooms->answer;
	answer->size_tcpinfo_user = TCP_INFO_ROOM;
	answer->size_sfinfo_user = SUBFLOW_INFO_ROOM;
	answer->size_arrays_user = (uint32_t)count;
	answer->tcp_info = (uintptr_t)rooms->arrays;
	answer->subflow_info = (uintptr_t)(rooms->arrays + count * TCP_INFO_ROOM);
	if (getsockopt(fd, SOL_MPTCP, OPT_MPTCP_FULL_INFO, answer, &length) < 0)
		return errno;
	rooms->full = (struct mptk_upstream_info){
		.testimony = { mptk_upstream_info_object },
		.source = "full",
		.info = answer->mptcp_info,
		.info_length = length > header ? length - header : 0,
		.tcp_info = rooms->arrays,
		.tcp_info_size = answer->size_tcpinfo_user,
		.tcp_info_count = answer->num_subflows,
		.addresses = rooms->arrays + count * TCP_INFO_ROOM,
		.addresses_size = answer->size_sfinfo_user,
		.addresses_count = answer->num_subflows,
	};
	return 0;
}

int mptk_full_info_read(int fd, struct mptk_upstream_info **out)
{
	struct rooms *rooms;
	size_t room = SUBFLOWS_FIRST;
	int err;

	for (;;) {
		err = ask(fd, room, &rooms);
		if (err != 0 || rooms->full.tcp_info_count <= room)
			break;
		room = rooms->full.tcp_info_count;
		free(rooms);
	}
	if (err != 0) {
		free(rooms);
		return err;
	}
	*out = &rooms->full;
	return 0;
}
