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

/* 280 and 256 bytes on Linux 6.18. */
#define TCP_INFO_ROOM 1024
#define SUBFLOW_ADDRS_SIZE 256

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

napi_value mptk_upstream_info_object(napi_env env, const struct mptk_testimony *self)
{
	const struct mptk_upstream_info *said = (const struct mptk_upstream_info *)self;
	napi_value object;

	MPTK_NAPI(env, napi_create_object(env, &object));
	if (!mptk_set_buffer(env, object, "info", said->info, said->info_length) ||
	    !mptk_set_buffers(env, object, "tcpInfo", said->tcp_info, said->tcp_info_size,
	                      said->tcp_info_count) ||
	    !mptk_set_buffers(env, object, "addresses", said->addresses, said->addresses_size,
	                      said->addresses_count) ||
	    !set_source(env, object, said->source))
		return NULL;
	return object;
}

bool mptk_means_absent(int err)
{
	return err == EOPNOTSUPP || err == ENOPROTOOPT;
}

int mptk_upstream_info_read(int fd, struct mptk_upstream_info **out)
{
	int err = mptk_full_info_read(fd, out);

	return mptk_means_absent(err) ? mptk_separate_info_read(fd, out) : err;
}

/* A connection without MPTCP, as one subflow; its addresses laid out as struct mptcp_subflow_addrs. */
static napi_value tcp_info(napi_env env, int fd)
{
	uint8_t info[TCP_INFO_ROOM] = { 0 };
	struct sockaddr_storage addresses[2] = { 0 };
	socklen_t length = sizeof(info), local = sizeof(addresses[0]), remote = sizeof(addresses[1]);
	napi_value object, undefined;
	size_t count = 1;

	_Static_assert(sizeof(addresses) == SUBFLOW_ADDRS_SIZE, "struct mptcp_subflow_addrs");
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &length) < 0) {
		/* MPTCP sockets of early kernels answer nothing at all; their addresses are known still. */
		if (!mptk_means_absent(errno))
			return mptk_throw_errno_about(env, errno, "getsockopt", "TCP_INFO", NULL);
		count = 0;
	}
	if (getsockname(fd, (struct sockaddr *)&addresses[0], &local) < 0)
		return mptk_throw_errno(env, errno, "getsockname", NULL);
	/* Not connected, or not any more: the remote address stays empty, as the kernel leaves it. */
	if (getpeername(fd, (struct sockaddr *)&addresses[1], &remote) < 0 && errno != ENOTCONN)
		return mptk_throw_errno(env, errno, "getpeername", NULL);
	MPTK_NAPI(env, napi_create_object(env, &object));
	MPTK_NAPI(env, napi_get_undefined(env, &undefined));
	MPTK_NAPI(env, napi_set_named_property(env, object, "info", undefined));
	if (!mptk_set_buffers(env, object, "tcpInfo", info, length, count) ||
	    !mptk_set_buffers(env, object, "addresses", addresses, sizeof(addresses), 1) ||
	    !set_source(env, object, "separate"))
		return NULL;
	return object;
}

static napi_value js_upstream_info(napi_env env, napi_callback_info info)
{
	struct mptk_upstream_info *said;
	napi_value arg, object;
	int fd, err, protocol = 0;
	socklen_t length = sizeof(protocol);

	if (!mptk_get_arguments(env, info, 1, &arg) || !mptk_get_int(env, arg, "fd", &fd))
		return NULL;
	if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &length) < 0)
		return mptk_throw_errno_about(env, errno, "getsockopt", "SO_PROTOCOL", NULL);
	/* Asked only of MPTCP sockets: level 284 of the out-of-tree kernel does not check. */
	err = protocol == IPPROTO_MPTCP ? mptk_upstream_info_read(fd, &said) : EOPNOTSUPP;
	if (mptk_means_absent(err))
		return tcp_info(env, fd);
	if (err != 0)
		return mptk_throw_errno_about(env, err, "getsockopt", "MPTCP_INFO", NULL);
	object = said->testimony.object(env, &said->testimony);
	free(said);
	return object;
}

bool mptk_info_init(napi_env env, napi_value exports)
{
	return mptk_export(env, exports, "upstreamInfo", js_upstream_info) &&
	       mptk_export(env, exports, "outOfTreeInfo", mptk_out_of_tree_info);
}
