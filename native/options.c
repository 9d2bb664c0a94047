/* getsockopt and setsockopt by number, for whoever knows what the number means on this kernel. */
#include "common.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* More than any option of the kernel answers with. */
#define VALUE_MOST 65536

struct which {
	int fd, level, name;
};

static bool get_which(napi_env env, const napi_value *arg, struct which *out)
{
	return mptk_get_int(env, arg[0], "fd", &out->fd) && mptk_get_int(env, arg[1], "level", &out->level) &&
	       mptk_get_int(env, arg[2], "name", &out->name);
}

static napi_value throw_about(napi_env env, int err, const char *syscall, const struct which *which)
{
	char about[64];

	(void)snprintf(about, sizeof(about), "level %d option %d", which->level, which->name);
	return mptk_throw_errno_about(env, err, syscall, about, NULL);
}

static napi_value js_get_option(napi_env env, napi_callback_info info)
{
	napi_value arg[4], buffer;
	struct which which;
	uint32_t room;
	void *value;
	socklen_t length;
	napi_status status;

	if (!mptk_get_arguments(env, info, 4, arg) || !get_which(env, arg, &which) ||
	    !mptk_get_uint(env, arg[3], "length", VALUE_MOST, &room))
		return NULL;
	/* One byte more than asked for, because calloc(0) may return NULL. */
	value = calloc(1, room + 1);
	if (!value)
		return throw_about(env, ENOMEM, "getsockopt", &which);
	length = room;
	if (getsockopt(which.fd, which.level, which.name, value, &length) < 0) {
		int err = errno;

		free(value);
		return throw_about(env, err, "getsockopt", &which);
	}
	/* Some options answer with the length they would have needed. */
	status = napi_create_buffer_copy(env, length < room ? length : room, value, NULL, &buffer);
	free(value);
	MPTK_NAPI(env, status);
	return buffer;
}

static napi_value js_get_int(napi_env env, napi_callback_info info)
{
	napi_value arg[3], value;
	struct which which;
	int number = 0;
	socklen_t length = sizeof(number);

	if (!mptk_get_arguments(env, info, 3, arg) || !get_which(env, arg, &which))
		return NULL;
	if (getsockopt(which.fd, which.level, which.name, &number, &length) < 0)
		return throw_about(env, errno, "getsockopt", &which);
	MPTK_NAPI(env, napi_create_int32(env, number, &value));
	return value;
}

/* A number is passed as the int (or unsigned int) that most options take. */
static bool get_number(napi_env env, napi_value value, int32_t *out)
{
	double number;

	if (napi_get_value_double(env, value, &number) != napi_ok || !(number >= INT32_MIN) ||
	    !(number <= UINT32_MAX) || (double)(int64_t)number != number)
		return mptk_throw_argument(env, "value", "a Uint8Array or a 32-bit integer");
	*out = (int32_t)(int64_t)number;
	return true;
}

static napi_value js_set_option(napi_env env, napi_callback_info info)
{
	napi_value arg[4];
	struct which which;
	bool is_bytes;
	uint8_t *data;
	size_t length;
	int32_t number;

	if (!mptk_get_arguments(env, info, 4, arg) || !get_which(env, arg, &which))
		return NULL;
	MPTK_NAPI(env, napi_is_typedarray(env, arg[3], &is_bytes));
	if (is_bytes) {
		if (!mptk_get_bytes(env, arg[3], "value", &data, &length))
			return NULL;
	} else {
		if (!get_number(env, arg[3], &number))
			return NULL;
		data = (uint8_t *)&number;
		length = sizeof(number);
	}
	if (setsockopt(which.fd, which.level, which.name, data, (socklen_t)length) < 0)
		return throw_about(env, errno, "setsockopt", &which);
	return mptk_undefined(env);
}

bool mptk_options_init(napi_env env, napi_value exports)
{
	return mptk_export(env, exports, "getOption", js_get_option) &&
	       mptk_export(env, exports, "getInt", js_get_int) &&
	       mptk_export(env, exports, "setOption", js_set_option);
}
