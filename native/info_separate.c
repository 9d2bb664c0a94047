/*
 * What upstream kernels before 6.5 say about an MPTCP connection, by three questions: MPTCP_INFO,
 * MPTCP_TCPINFO and MPTCP_SUBFLOW_ADDRS (5.16) of include/uapi/linux/mptcp.h.
 */
#include "info.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define OPT_MPTCP_INFO 1
#define OPT_MPTCP_TCPINFO 2
#define OPT_MPTCP_SUBFLOW_ADDRS 3

/* 96, 280 and 256 bytes on Linux 6.18. */
#define MPTCP_INFO_ROOM 512
#define TCP_INFO_ROOM 1024
#define SUBFLOW_ADDRS_SIZE 256
/* The in-kernel path manager allows 8 extra subflows; a userspace one more. */
#define SUBFLOWS_FIRST 16
/* Subflows come and go between two questions: so often the answers may be of different lengths. */
#define ATTEMPTS 3

/* struct mptcp_subflow_data: header of the answers to MPTCP_TCPINFO and MPTCP_SUBFLOW_ADDRS. */
struct subflow_data {
	uint32_t size_subflow_data;
	uint32_t num_subflows;
	uint32_t size_kernel;
	uint32_t size_user;
};

/* What is handed out, with the memory its pointers point to. */
struct rooms {
	struct mptk_upstream_info separate;
	uint8_t info[MPTCP_INFO_ROOM];
	uint8_t arrays[];
};

/* 0 and *out to be freed, or the errno. The array of structs follows the header. */
static int ask(int fd, int option, size_t each, struct subflow_data **out)
{
	size_t room = SUBFLOWS_FIRST;

	for (;;) {
		socklen_t length = (socklen_t)(sizeof(struct subflow_data) + room * each);
		struct subflow_data *data = calloc(1, length);

		if (!data)
			return ENOMEM;
		data->size_subflow_data = sizeof(*data);
		data->size_user = (uint32_t)each;
		if (getsockopt(fd, SOL_MPTCP, option, data, &length) < 0) {
			int err = errno;

			free(data);
			return err;
		}
		if (data->num_subflows <= room) {
			*out = data;
			return 0;
		}
		room = data->num_subflows;
		free(data);
	}
}

/* Both arrays, of as many subflows where that can be had. 0 and both to be freed, or the errno. */
static int ask_both(int fd, struct subflow_data **tcp_info, struct subflow_data **addresses)
{
	for (int attempt = 1;; attempt++) {
		int err = ask(fd, OPT_MPTCP_TCPINFO, TCP_INFO_ROOM, tcp_info);

		if (err != 0)
			return err;
		err = ask(fd, OPT_MPTCP_SUBFLOW_ADDRS, SUBFLOW_ADDRS_SIZE, addresses);
		if (err != 0) {
			free(*tcp_info);
			return err;
		}
		if ((*tcp_info)->num_subflows == (*addresses)->num_subflows || attempt == ATTEMPTS)
			return 0;
		free(*tcp_info);
		free(*addresses);
	}
}

static size_t length_of(const struct subflow_data *data)
{
	return (size_t)data->num_subflows * data->size_user;
}

/* One block of all three answers; NULL without memory. */
static struct rooms *together(const uint8_t *info, size_t info_length, const struct subflow_data *tcp_info,
                              const struct subflow_data *addresses)
{
	struct rooms *rooms = malloc(sizeof(*rooms) + length_of(tcp_info) + length_of(addresses));

	if (!rooms)
		return NULL;
	memcpy(rooms->info, info, info_length);
	memcpy(rooms->arrays, tcp_info + 1, length_of(tcp_info));
	memcpy(rooms->arrays + length_of(tcp_info), addresses + 1, length_of(addresses));
	rooms->separate = (struct mptk_upstream_info){
		.testimony = { mptk_upstream_info_object },
		.source = "separate",
		.info = rooms->info,
		.info_length = info_length,
		.tcp_info = rooms->arrays,
		.tcp_info_size = tcp_info->size_user,
		.tcp_info_count = tcp_info->num_subflows,
		.addresses = rooms->arrays + length_of(tcp_info),
		.addresses_size = addresses->size_user,
		.addresses_count = addresses->num_subflows,
	};
	return rooms;
}

int mptk_separate_info_read(int fd, struct mptk_upstream_info **out)
{
	struct subflow_data *tcp_info, *addresses;
	uint8_t info[MPTCP_INFO_ROOM] = { 0 };
	socklen_t length = sizeof(info);
	struct rooms *rooms;
	int err;

	if (getsockopt(fd, SOL_MPTCP, OPT_MPTCP_INFO, info, &length) < 0)
		return errno;
	err = ask_both(fd, &tcp_info, &addresses);
	if (err != 0)
		return err;
	/* Some options answer with the length they would have needed. */
	rooms = together(info, length < sizeof(info) ? length : sizeof(info), tcp_info, addresses);
	free(tcp_info);
	free(addresses);
	if (!rooms)
		return ENOMEM;
	*out = &rooms->separate;
	return 0;
}
