/*
 * What upstream Linux says about one connection: MPTCP_FULL_INFO (6.5), else MPTCP_INFO,
 * MPTCP_TCPINFO and MPTCP_SUBFLOW_ADDRS (5.16), else TCP_INFO of the one TCP connection.
 * Layouts are those of include/uapi/linux/mptcp.h, written here because installed headers
 * are often older than the kernel. Structs grow with every kernel: rooms are larger than
 * today's, and what is handed on is as long as the kernel said.
 */
#include "info.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#define OPT_MPTCP_INFO 1
#define OPT_MPTCP_TCPINFO 2
#define OPT_MPTCP_SUBFLOW_ADDRS 3

/* 96, 280, 264 and 256 bytes on Linux 6.18. */
#define MPTCP_INFO_ROOM 512
#define TCP_INFO_ROOM 1024
#define SUBFLOW_ADDRS_SIZE 256
/* The in-kernel path manager allows 8 extra subflows; a userspace one more. */
#define SUBFLOWS_FIRST 16

/* struct mptcp_subflow_data: header of the answers to MPTCP_TCPINFO and MPTCP_SUBFLOW_ADDRS. */
struct subflow_data {
	uint32_t size_subflow_data;
	uint32_t num_subflows;
	uint32_t size_kernel;
	uint32_t size_user;
};

bool mptk_set_buffer(napi_env env, napi_value object, const char *name, const void *data, size_t length)
{
	napi_value buffer;

	MPTK_NAPI(env, napi_create_buffer_copy(env, length, data, NULL, &buffer));
	MPTK_NAPI(env, napi_set_named_property(env, object, name, buffer));
	return true;
}

bool mptk_set_buffers(napi_env env, napi_value object, const char *name, const void *data, size_t stride,
                      size_t count)
{
	napi_value list, buffer;

	MPTK_NAPI(env, napi_create_array_with_length(env, count, &list));
	for (size_t i = 0; i < count; i++) {
		MPTK_NAPI(env, napi_create_buffer_copy(env, stride, (const uint8_t *)data + i * stride, NULL, &buffer));
		MPTK_NAPI(env, napi_set_element(env, list, (uint32_t)i, buffer));
	}
	MPTK_NAPI(env, napi_set_named_property(env, object, name, list));
	return true;
}

static bool set_source(napi_env env, napi_value object, const char *source)
{
	napi_value value;

	MPTK_NAPI(env, napi_create_string_utf8(env, source, NAPI_AUTO_LENGTH, &value));
	MPTK_NAPI(env, napi_set_named_property(env, object, "source", value));
	return true;
}

/* Rooms for count subflows of one kind after a header. */
static void *allocate(size_t header, size_t count, size_t each)
{
	return calloc(1, header + count * each);
}

static bool set_full(napi_env env, napi_value object, const struct mptk_full_info *full)
{
	return mptk_set_buffer(env, object, "info", full->info, full->info_length) &&
	       mptk_set_buffers(env, object, "tcpInfo", full->tcp_info, full->tcp_info_size, full->count) &&
	       mptk_set_buffers(env, object, "addresses", full->subflow_info, full->subflow_info_size,
	                        full->count) &&
	       set_source(env, object, "full");
}

/* 0 and object filled; the errno; or -1 with an exception pending. */
static int full_info(napi_env env, int fd, napi_value object)
{
	struct mptk_full_info *full;
	int err = mptk_full_info_read(fd, &full);

	if (err != 0)
		return err;
	if (!set_full(env, object, full))
		err = -1;
	mptk_full_info_free(full);
	return err;
}

napi_value mptk_full_info_object(napi_env env, const struct mptk_full_info *full)
{
	napi_value object;

	MPTK_NAPI(env, napi_create_object(env, &object));
	return set_full(env, object, full) ? object : NULL;
}

/* MPTCP_TCPINFO or MPTCP_SUBFLOW_ADDRS; results as full_info. */
static int subflow_array(napi_env env, int fd, int option, size_t each, napi_value object, const char *name)
{
	struct subflow_data *data;
	size_t room = SUBFLOWS_FIRST;
	socklen_t length;
	int err;

	for (;;) {
		length = (socklen_t)(sizeof(*data) + room * each);
		data = allocate(sizeof(*data), room, each);
		if (!data)
			return ENOMEM;
		data->size_subflow_data = sizeof(*data);
		data->size_user = (uint32_t)each;
		err = getsockopt(fd, SOL_MPTCP, option, data, &length) == 0 ? 0 : errno;
		if (err != 0 || data->num_subflows <= room)
			break;
		room = data->num_subflows;
		free(data);
	}
	if (err == 0 && !mptk_set_buffers(env, object, name, data + 1, data->size_user, data->num_subflows))
		err = -1;
	free(data);
	return err;
}

static int separate_info(napi_env env, int fd, napi_value object)
{
	uint8_t info[MPTCP_INFO_ROOM] = { 0 };
	socklen_t length = sizeof(info);
	int err;

	if (getsockopt(fd, SOL_MPTCP, OPT_MPTCP_INFO, info, &length) < 0)
		return errno;
	err = subflow_array(env, fd, OPT_MPTCP_TCPINFO, TCP_INFO_ROOM, object, "tcpInfo");
	if (err == 0)
		err = subflow_array(env, fd, OPT_MPTCP_SUBFLOW_ADDRS, SUBFLOW_ADDRS_SIZE, object, "addresses");
	if (err == 0 && (!mptk_set_buffer(env, object, "info", info, length) ||
	                 !set_source(env, object, "separate")))
		err = -1;
	return err;
}

/* What an MPTCP option answers when there is no MPTCP (any more), or the option is newer than the kernel. */
static bool means_absent(int err)
{
	return err == EOPNOTSUPP || err == ENOPROTOOPT;
}

/* A connection without MPTCP, as one subflow; its addresses laid out as struct mptcp_subflow_addrs. */
static napi_value tcp_info(napi_env env, int fd, napi_value object)
{
	uint8_t info[TCP_INFO_ROOM] = { 0 };
	struct sockaddr_storage addresses[2] = { 0 };
	socklen_t length = sizeof(info), local = sizeof(addresses[0]), remote = sizeof(addresses[1]);
	size_t count = 1;

	_Static_assert(sizeof(addresses) == SUBFLOW_ADDRS_SIZE, "struct mptcp_subflow_addrs");
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &length) < 0) {
		/* MPTCP sockets of early kernels answer nothing at all; their addresses are known still. */
		if (!means_absent(errno))
			return mptk_throw_errno_about(env, errno, "getsockopt", "TCP_INFO", NULL);
		count = 0;
	}
	if (getsockname(fd, (struct sockaddr *)&addresses[0], &local) < 0)
		return mptk_throw_errno(env, errno, "getsockname", NULL);
	/* Not connected, or not any more: the remote address stays empty, as the kernel leaves it. */
	if (getpeername(fd, (struct sockaddr *)&addresses[1], &remote) < 0 && errno != ENOTCONN)
		return mptk_throw_errno(env, errno, "getpeername", NULL);
	if (!mptk_set_buffers(env, object, "tcpInfo", info, length, count) ||
	    !mptk_set_buffers(env, object, "addresses", addresses, sizeof(addresses), 1) ||
	    !set_source(env, object, "separate"))
		return NULL;
	return object;
}

static napi_value js_upstream_info(napi_env env, napi_callback_info info)
{
	napi_value arg, object, undefined;
	int fd, err, protocol = 0;
	socklen_t length = sizeof(protocol);

	if (!mptk_get_arguments(env, info, 1, &arg) || !mptk_get_int(env, arg, "fd", &fd))
		return NULL;
	MPTK_NAPI(env, napi_create_object(env, &object));
	MPTK_NAPI(env, napi_get_undefined(env, &undefined));
	MPTK_NAPI(env, napi_set_named_property(env, object, "info", undefined));
	if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &length) < 0)
		return mptk_throw_errno_about(env, errno, "getsockopt", "SO_PROTOCOL", NULL);
	/* Asked only of MPTCP sockets: level 284 of the out-of-tree kernel does not check. */
	if (protocol != IPPROTO_MPTCP)
		return tcp_info(env, fd, object);
	err = full_info(env, fd, object);
	if (means_absent(err))
		err = separate_info(env, fd, object);
	if (means_absent(err))
		return tcp_info(env, fd, object);
	if (err > 0)
		return mptk_throw_errno_about(env, err, "getsockopt", "MPTCP_INFO", NULL);
	return err == 0 ? object : NULL;
}

bool mptk_info_init(napi_env env, napi_value exports)
{
	return mptk_export(env, exports, "upstreamInfo", js_upstream_info) &&
	       mptk_export(env, exports, "outOfTreeInfo", mptk_out_of_tree_info);
}
