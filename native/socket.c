/* The life of a socket after socket(): bind, listen, connect, bytes, ends, addresses. */
#include "common.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static napi_value js_bind(napi_env env, napi_callback_info info)
{
	napi_value arg[3];
	struct mptk_address address;
	int fd;

	if (!mptk_get_arguments(env, info, 3, arg) || !mptk_get_int(env, arg[0], "fd", &fd) ||
	    !mptk_get_address(env, arg[1], arg[2], "bind", &address))
		return NULL;
	if (bind(fd, (struct sockaddr *)&address.storage, address.length) < 0)
		return mptk_throw_errno(env, errno, "bind", address.text);
	return mptk_undefined(env);
}

static napi_value js_listen(napi_env env, napi_callback_info info)
{
	napi_value arg[2];
	int fd;
	uint32_t backlog;

	if (!mptk_get_arguments(env, info, 2, arg) || !mptk_get_int(env, arg[0], "fd", &fd) ||
	    !mptk_get_uint(env, arg[1], "backlog", INT32_MAX, &backlog))
		return NULL;
	if (listen(fd, (int)backlog) < 0)
		return mptk_throw_errno(env, errno, "listen", NULL);
	return mptk_undefined(env);
}

static napi_value js_connect(napi_env env, napi_callback_info info)
{
	napi_value arg[3], connected;
	struct mptk_address address;
	bool at_once;
	int fd;

	if (!mptk_get_arguments(env, info, 3, arg) || !mptk_get_int(env, arg[0], "fd", &fd) ||
	    !mptk_get_address(env, arg[1], arg[2], "connect", &address))
		return NULL;
	at_once = connect(fd, (struct sockaddr *)&address.storage, address.length) == 0;
	/* An interrupted connect goes on by itself (connect(2)), as one in progress does. */
	if (!at_once && errno != EINPROGRESS && errno != EINTR)
		return mptk_throw_errno(env, errno, "connect", address.text);
	MPTK_NAPI(env, napi_get_boolean(env, at_once, &connected));
	return connected;
}

static bool get_fd_and_bytes(napi_env env, napi_callback_info info, int *fd, uint8_t **data, size_t *length)
{
	napi_value arg[2];

	return mptk_get_arguments(env, info, 2, arg) && mptk_get_int(env, arg[0], "fd", fd) &&
	       mptk_get_bytes(env, arg[1], "buffer", data, length);
}

/* The count that recv or send returned, -1 for "not now". */
static napi_value transferred(napi_env env, ssize_t count, const char *syscall)
{
	napi_value value;

	if (count < 0 && errno != EAGAIN)
		return mptk_throw_errno(env, errno, syscall, NULL);
	MPTK_NAPI(env, napi_create_int64(env, count, &value));
	return value;
}

static napi_value js_recv(napi_env env, napi_callback_info info)
{
	uint8_t *data;
	size_t length;
	ssize_t count;
	int fd;

	if (!get_fd_and_bytes(env, info, &fd, &data, &length))
		return NULL;
	/* recv into nothing returns 0, which would read as the end of the stream. */
	if (length == 0)
		return mptk_throw_argument(env, "buffer", "room for at least one byte");
	do
		count = recv(fd, data, length, MSG_DONTWAIT);
	while (count < 0 && errno == EINTR);
	return transferred(env, count, "recv");
}

/* What recv would return for one byte, which stays. */
static napi_value js_peek(napi_env env, napi_callback_info info)
{
	napi_value arg;
	uint8_t byte;
	ssize_t count;
	int fd;

	if (!mptk_get_arguments(env, info, 1, &arg) || !mptk_get_int(env, arg, "fd", &fd))
		return NULL;
	do
		count = recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK);
	while (count < 0 && errno == EINTR);
	return transferred(env, count, "recv");
}

static napi_value js_send(napi_env env, napi_callback_info info)
{
	uint8_t *data;
	size_t length;
	ssize_t count;
	int fd;

	if (!get_fd_and_bytes(env, info, &fd, &data, &length))
		return NULL;
	do
		count = send(fd, data, length, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (count < 0 && errno == EINTR);
	return transferred(env, count, "send");
}

static bool get_fd(napi_env env, napi_callback_info info, int *fd)
{
	napi_value arg;

	return mptk_get_arguments(env, info, 1, &arg) && mptk_get_int(env, arg, "fd", fd);
}

/* On a connection that is gone already there is nothing left to end: ENOTCONN is passed over. */
static napi_value js_shutdown(napi_env env, napi_callback_info info)
{
	int fd;

	if (!get_fd(env, info, &fd))
		return NULL;
	if (shutdown(fd, SHUT_WR) < 0 && errno != ENOTCONN)
		return mptk_throw_errno(env, errno, "shutdown", NULL);
	return mptk_undefined(env);
}

static napi_value close_fd(napi_env env, int fd)
{
	/* Linux has released the descriptor when close is interrupted (close(2)). */
	if (close(fd) < 0 && errno != EINTR)
		return mptk_throw_errno(env, errno, "close", NULL);
	return mptk_undefined(env);
}

static napi_value js_close(napi_env env, napi_callback_info info)
{
	int fd;

	return get_fd(env, info, &fd) ? close_fd(env, fd) : NULL;
}

static napi_value js_reset(napi_env env, napi_callback_info info)
{
	const struct linger now = { .l_onoff = 1, .l_linger = 0 };
	int fd;

	if (!get_fd(env, info, &fd))
		return NULL;
	/* Where this fails (MPTCP sockets of early kernels) closing still matters; a bad descriptor fails there too. */
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	return close_fd(env, fd);
}

/*
 * O_NONBLOCK of the open file description, which every process that holds it shares. Returns
 * what it was before.
 */
static napi_value js_non_blocking(napi_env env, napi_callback_info info)
{
	napi_value arg[2], before;
	bool on;
	int fd, flags;

	if (!mptk_get_arguments(env, info, 2, arg) || !mptk_get_int(env, arg[0], "fd", &fd) ||
	    !mptk_get_bool(env, arg[1], "on", &on))
		return NULL;
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK) < 0)
		return mptk_throw_errno(env, errno, "fcntl", NULL);
	MPTK_NAPI(env, napi_get_boolean(env, (flags & O_NONBLOCK) != 0, &before));
	return before;
}

static napi_value address_of(napi_env env, napi_callback_info info,
                             int (*get)(int, struct sockaddr *, socklen_t *), const char *syscall)
{
	struct sockaddr_storage storage = { 0 };
	socklen_t length = sizeof(storage);
	napi_value object;
	int fd;

	if (!get_fd(env, info, &fd))
		return NULL;
	if (get(fd, (struct sockaddr *)&storage, &length) < 0)
		return mptk_throw_errno(env, errno, syscall, NULL);
	MPTK_NAPI(env, napi_create_object(env, &object));
	return mptk_set_address(env, object, &storage) ? object : NULL;
}

static int get_local(int fd, struct sockaddr *address, socklen_t *length)
{
	return getsockname(fd, address, length);
}

static int get_remote(int fd, struct sockaddr *address, socklen_t *length)
{
	return getpeername(fd, address, length);
}

static napi_value js_local_address(napi_env env, napi_callback_info info)
{
	return address_of(env, info, get_local, "getsockname");
}

static napi_value js_remote_address(napi_env env, napi_callback_info info)
{
	return address_of(env, info, get_remote, "getpeername");
}

bool mptk_socket_init(napi_env env, napi_value exports)
{
	return mptk_export(env, exports, "socket", mptk_open) &&
	       mptk_export(env, exports, "bind", js_bind) &&
	       mptk_export(env, exports, "listen", js_listen) &&
	       mptk_export(env, exports, "accept", mptk_accept) &&
	       mptk_export(env, exports, "connect", js_connect) &&
	       mptk_export(env, exports, "recv", js_recv) &&
	       mptk_export(env, exports, "peek", js_peek) &&
	       mptk_export(env, exports, "send", js_send) &&
	       mptk_export(env, exports, "shutdown", js_shutdown) &&
	       mptk_export(env, exports, "close", js_close) &&
	       mptk_export(env, exports, "reset", js_reset) &&
	       mptk_export(env, exports, "nonBlocking", js_non_blocking) &&
	       mptk_export(env, exports, "localAddress", js_local_address) &&
	       mptk_export(env, exports, "remoteAddress", js_remote_address);
}
