/* accept(fd, max): waiting connections in one batch. */
#include "common.h"

#include <errno.h>
#include <unistd.h>

/* Room for one batch on the stack; callers who ask for more get this many. */
#define ACCEPT_MOST 256

struct accepted {
	int fd;
	struct sockaddr_storage remote;
};

/*
 * What concerns one waiting connection and not the listener: accept(2) "Error handling".
 * EOPNOTSUPP is listed there too, but is also what a socket that cannot listen answers.
 */
static bool concerns_one_connection(int err)
{
	switch (err) {
	case EINTR:
	case ECONNABORTED:
	case ENETDOWN:
	case EPROTO:
	case ENOPROTOOPT:
	case EHOSTDOWN:
	case ENONET:
	case EHOSTUNREACH:
	case ENETUNREACH:
		return true;
	default:
		return false;
	}
}

/* Number accepted; *err is set when none was because accept failed. */
static size_t accept_batch(int fd, struct accepted *out, size_t most, int *err)
{
	size_t count = 0;

	*err = 0;
	/* A connection passed over counts too, so that the loop ends whatever the kernel says. */
	for (size_t tries = 0; tries < most; tries++) {
		socklen_t length = sizeof(out[count].remote);

		out[count].fd = accept4(fd, (struct sockaddr *)&out[count].remote, &length,
		                        SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (out[count].fd >= 0) {
			count++;
		} else if (errno == EAGAIN) {
			break;
		} else if (!concerns_one_connection(errno)) {
			/* Those already accepted come first; the next call meets the same error again. */
			*err = count == 0 ? errno : 0;
			break;
		}
	}
	return count;
}

static bool add_accepted(napi_env env, napi_value list, uint32_t index, const struct accepted *each)
{
	napi_value object, fd;

	MPTK_NAPI(env, napi_create_object(env, &object));
	MPTK_NAPI(env, napi_create_int32(env, each->fd, &fd));
	MPTK_NAPI(env, napi_set_named_property(env, object, "fd", fd));
	if (!mptk_set_address(env, object, &each->remote))
		return false;
	MPTK_NAPI(env, napi_set_element(env, list, index, object));
	return true;
}

napi_value mptk_accept(napi_env env, napi_callback_info info)
{
	struct accepted batch[ACCEPT_MOST];
	napi_value arg[2], list;
	uint32_t most;
	size_t count;
	int fd, err;

	if (!mptk_get_arguments(env, info, 2, arg) || !mptk_get_int(env, arg[0], "fd", &fd) ||
	    !mptk_get_uint(env, arg[1], "max", INT32_MAX, &most))
		return NULL;
	MPTK_NAPI(env, napi_create_array(env, &list));
	count = accept_batch(fd, batch, most < ACCEPT_MOST ? most : ACCEPT_MOST, &err);
	if (err != 0)
		return mptk_throw_errno(env, err, "accept", NULL);
	for (size_t i = 0; i < count; i++) {
		if (add_accepted(env, list, (uint32_t)i, &batch[i]))
			continue;
		for (size_t j = 0; j < count; j++)
			(void)close(batch[j].fd);
		return NULL;
	}
	return list;
}
