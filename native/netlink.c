/* One netlink request and its whole answer; what the messages mean is decoded in src/kernel. */
#include "netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The kernel answers at once; more than this means it never will. */
#define PATIENCE_MS 2000

/* One request under way. */
struct exchange {
	napi_env env;
	int fd;
	int64_t deadline;
	/* The datagrams so far. */
	napi_value list;
	uint32_t count;
	/* Answered by the first message, without DONE or an acknowledgement to follow. */
	bool plain;
};

static int64_t now_ms(void)
{
	struct timespec now;

	/* Cannot fail: the clock exists and the pointer is good. */
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* 0 when a datagram waits, else the errno. */
static int await(const struct exchange *x)
{
	struct pollfd poll_fd = { .fd = x->fd, .events = POLLIN };

	for (;;) {
		int64_t rest = x->deadline - now_ms();
		int ready = poll(&poll_fd, 1, rest > 0 ? (int)rest : 0);

		if (ready > 0)
			return 0;
		if (ready == 0)
			return ETIMEDOUT;
		if (errno != EINTR)
			return errno;
	}
}

int mptk_netlink_take(int fd, uint8_t **data, size_t *length, bool *from_kernel)
{
	struct sockaddr_nl from = { 0 };
	socklen_t from_length = sizeof(from);
	ssize_t size = recv(fd, NULL, 0, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);

	if (size < 0)
		return errno;
	/* One byte more, because malloc(0) may return NULL. */
	*data = malloc((size_t)size + 1);
	if (!*data)
		return ENOMEM;
	size = recvfrom(fd, *data, (size_t)size, MSG_DONTWAIT, (struct sockaddr *)&from, &from_length);
	if (size < 0) {
		int err = errno;

		free(*data);
		return err;
	}
	*length = (size_t)size;
	/* Only the kernel's port is 0. */
	*from_kernel = from.nl_pid == 0;
	return 0;
}

static bool ends_answer(const struct exchange *x, const uint8_t *data, size_t length)
{
	struct nlmsghdr header;

	if (x->plain)
		return true;
	for (size_t at = 0; at + sizeof(header) <= length; at += NLMSG_ALIGN(header.nlmsg_len)) {
		memcpy(&header, data + at, sizeof(header));
		if (header.nlmsg_type == NLMSG_DONE || header.nlmsg_type == NLMSG_ERROR)
			return true;
		/* Not a message: there will be nothing better. */
		if (header.nlmsg_len < sizeof(header) || header.nlmsg_len > length - at)
			return true;
	}
	return false;
}

/* Adds one datagram to the list; 1 when it was the last, 0 when not, -1 with an exception pending. */
static int take(struct exchange *x)
{
	uint8_t *data = NULL;
	size_t length = 0;
	bool from_kernel = false, last;
	napi_value buffer;
	int err = await(x);

	if (err == 0)
		err = mptk_netlink_take(x->fd, &data, &length, &from_kernel);
	if (err == EAGAIN || err == EINTR)
		return 0;
	if (err != 0) {
		(void)mptk_throw_errno(x->env, err, "netlink recv", NULL);
		return -1;
	}
	if (!from_kernel) {
		free(data);
		return 0;
	}
	last = ends_answer(x, data, length);
	err = napi_create_buffer_copy(x->env, length, data, NULL, &buffer) != napi_ok ||
	      napi_set_element(x->env, x->list, x->count++, buffer) != napi_ok;
	free(data);
	if (err)
		return -1;
	return last;
}

static napi_value converse(napi_env env, int fd, const uint8_t *request, size_t length)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct exchange x = { .env = env, .fd = fd, .deadline = now_ms() + PATIENCE_MS };
	struct nlmsghdr header;
	int state;

	memcpy(&header, request, sizeof(header));
	x.plain = (header.nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP && !(header.nlmsg_flags & NLM_F_ACK);
	MPTK_NAPI(env, napi_create_array(env, &x.list));
	if (sendto(fd, request, length, 0, (const struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		return mptk_throw_errno(env, errno, "netlink send", NULL);
	do
		state = take(&x);
	while (state == 0);
	return state > 0 ? x.list : NULL;
}

static napi_value js_netlink(napi_env env, napi_callback_info info)
{
	napi_value arg[2], answer;
	uint8_t *request;
	size_t length;
	uint32_t protocol;
	struct nlmsghdr header;
	int fd;

	if (!mptk_get_arguments(env, info, 2, arg) ||
	    !mptk_get_uint(env, arg[0], "protocol", INT32_MAX, &protocol) ||
	    !mptk_get_bytes(env, arg[1], "request", &request, &length))
		return NULL;
	/* The kernel drops a message whose length is wrong without a word; do not wait for that. */
	if (length >= sizeof(header))
		memcpy(&header, request, sizeof(header));
	if (length < sizeof(header) || header.nlmsg_len < sizeof(header) || header.nlmsg_len > length)
		return mptk_throw_argument(env, "request", "a netlink message whose header says its length");
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, (int)protocol);
	if (fd < 0)
		return mptk_throw_errno(env, errno, "netlink socket", NULL);
	/* Lets the kernel say in words what is wrong with a request; older ones cannot, and need not. */
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &(int){ 1 }, sizeof(int));
	answer = converse(env, fd, request, length);
	(void)close(fd);
	return answer;
}

bool mptk_netlink_init(napi_env env, napi_value exports)
{
	return mptk_export(env, exports, "netlink", js_netlink);
}
