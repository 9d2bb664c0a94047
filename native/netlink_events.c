/* Netlink sockets that listen to multicast groups; what comes is decoded in src/. */
#include "netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <unistd.h>

/* A burst of some thousand messages: a routing daemon at work must not hide a link that goes down. */
#define RECEIVE_BUFFER (4 << 20)

/* False with an exception pending. */
static bool join(napi_env env, int fd, napi_value groups, uint32_t count)
{
	napi_value element;
	uint32_t group;

	for (uint32_t i = 0; i < count; i++) {
		MPTK_NAPI(env, napi_get_element(env, groups, i, &element));
		if (!mptk_get_uint(env, element, "groups", INT32_MAX, &group))
			return false;
		if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) != 0)
			return mptk_throw_errno(env, errno, "netlink join", NULL);
	}
	return true;
}

static napi_value subscribe(napi_env env, int fd, napi_value groups, uint32_t count)
{
	const struct sockaddr_nl own = { .nl_family = AF_NETLINK };
	const int size = RECEIVE_BUFFER;
	napi_value result;

	/* Above net.core.rmem_max only with CAP_NET_ADMIN; a smaller one means resynchronising sooner. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) != 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (bind(fd, (const struct sockaddr *)&own, sizeof(own)) != 0)
		return mptk_throw_errno(env, errno, "netlink bind", NULL);
	if (!join(env, fd, groups, count))
		return NULL;
	MPTK_NAPI(env, napi_create_int32(env, fd, &result));
	return result;
}

static napi_value js_listen(napi_env env, napi_callback_info info)
{
	napi_value arg[2], result;
	uint32_t protocol, count;
	bool is_array;
	int fd;

	if (!mptk_get_arguments(env, info, 2, arg) ||
	    !mptk_get_uint(env, arg[0], "protocol", INT32_MAX, &protocol))
		return NULL;
	MPTK_NAPI(env, napi_is_array(env, arg[1], &is_array));
	if (!is_array)
		return mptk_throw_argument(env, "groups", "an array of group numbers");
	MPTK_NAPI(env, napi_get_array_length(env, arg[1], &count));
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, (int)protocol);
	if (fd < 0)
		return mptk_throw_errno(env, errno, "netlink socket", NULL);
	result = subscribe(env, fd, arg[1], count);
	if (!result)
		(void)close(fd);
	return result;
}

static napi_value js_receive(napi_env env, napi_callback_info info)
{
	napi_value arg[1], buffer;
	napi_status status;
	uint8_t *data;
	size_t length;
	bool from_kernel;
	int fd, err;

	if (!mptk_get_arguments(env, info, 1, arg) || !mptk_get_int(env, arg[0], "fd", &fd))
		return NULL;
	for (;;) {
		err = mptk_netlink_take(fd, &data, &length, &from_kernel);
		if (err == EINTR)
			continue;
		if (err == EAGAIN)
			return mptk_undefined(env);
		if (err != 0)
			return mptk_throw_errno(env, err, "netlink recv", NULL);
		if (from_kernel)
			break;
		free(data);
	}
	status = napi_create_buffer_copy(env, length, data, NULL, &buffer);
	free(data);
	MPTK_NAPI(env, status);
	return buffer;
}

bool mptk_netlink_events_init(napi_env env, napi_value exports)
{
	return mptk_export(env, exports, "netlinkListen", js_listen) &&
	       mptk_export(env, exports, "netlinkReceive", js_receive);
}
