/* Failed system calls as JavaScript errors, and reading arguments with errors that name them. */
#include "common.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/*
 * Own table, because strerrorname_np() came only with glibc 2.32. The values that a
 * socket, a socket option or netlink can answer, from asm-generic/errno-base.h and errno.h.
 */
#define ERRNO_NAMES(X)                                                                             \
	X(EPERM) X(ENOENT) X(ESRCH) X(EINTR) X(EIO) X(ENXIO) X(E2BIG) X(EBADF) X(EAGAIN) X(ENOMEM)     \
	X(EACCES) X(EFAULT) X(EBUSY) X(EEXIST) X(EXDEV) X(ENODEV) X(ENOTDIR) X(EISDIR) X(EINVAL)       \
	X(ENFILE) X(EMFILE) X(ENOTTY) X(ETXTBSY) X(EFBIG) X(ENOSPC) X(ESPIPE) X(EROFS) X(EMLINK)       \
	X(EPIPE) X(ENOEXEC) X(EDOM) X(ERANGE) X(EDEADLK) X(ENAMETOOLONG) X(ENOLCK) X(ENOSYS) X(ENOTEMPTY)         \
	X(ELOOP) X(ENODATA) X(ETIME) X(ENONET) X(ENOLINK) X(ECOMM) X(EPROTO) X(EBADMSG) X(EOVERFLOW)   \
	X(EBADFD) X(EILSEQ) X(EUSERS) X(ENOTSOCK) X(EDESTADDRREQ) X(EMSGSIZE) X(EPROTOTYPE)            \
	X(ENOPROTOOPT) X(EPROTONOSUPPORT) X(ESOCKTNOSUPPORT) X(EOPNOTSUPP) X(EPFNOSUPPORT)             \
	X(EAFNOSUPPORT) X(EADDRINUSE) X(EADDRNOTAVAIL) X(ENETDOWN) X(ENETUNREACH) X(ENETRESET)         \
	X(ECONNABORTED) X(ECONNRESET) X(ENOBUFS) X(EISCONN) X(ENOTCONN) X(ESHUTDOWN) X(ETOOMANYREFS)   \
	X(ETIMEDOUT) X(ECONNREFUSED) X(EHOSTDOWN) X(EHOSTUNREACH) X(EALREADY) X(EINPROGRESS)           \
	X(EREMOTEIO) X(EDQUOT) X(ECANCELED) X(ENOKEY) X(EKEYEXPIRED) X(EKEYREVOKED) X(EKEYREJECTED)

const char *mptk_errno_name(int err)
{
#define ERRNO_CASE(name) \
	case name:           \
		return #name;
	switch (err) {
		ERRNO_NAMES(ERRNO_CASE)
	default:
		return "EUNKNOWN";
	}
}

/* "connection refused" for "Connection refused"; capitals that begin an acronym stay. */
static const char *describe(int err, char *buffer, size_t size)
{
	char text[128];

	(void)snprintf(buffer, size, "%s", strerror_r(err, text, sizeof(text)));
	if (buffer[0] >= 'A' && buffer[0] <= 'Z' && buffer[1] >= 'a' && buffer[1] <= 'z')
		buffer[0] = (char)(buffer[0] - 'A' + 'a');
	return buffer;
}

static bool set_string(napi_env env, napi_value object, const char *name, const char *text)
{
	napi_value value;

	MPTK_NAPI(env, napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value));
	MPTK_NAPI(env, napi_set_named_property(env, object, name, value));
	return true;
}

static napi_value system_error(napi_env env, int err, const char *syscall, const char *address,
                               const char *message)
{
	napi_value code, text, error, number;

	MPTK_NAPI(env, napi_create_string_utf8(env, mptk_errno_name(err), NAPI_AUTO_LENGTH, &code));
	MPTK_NAPI(env, napi_create_string_utf8(env, message, NAPI_AUTO_LENGTH, &text));
	MPTK_NAPI(env, napi_create_error(env, code, text, &error));
	MPTK_NAPI(env, napi_create_int32(env, err, &number));
	MPTK_NAPI(env, napi_set_named_property(env, error, "errno", number));
	if (!set_string(env, error, "syscall", syscall))
		return NULL;
	if (address && !set_string(env, error, "address", address))
		return NULL;
	return error;
}

napi_value mptk_errno_error(napi_env env, int err, const char *syscall, const char *address)
{
	char text[128], message[384];

	(void)snprintf(message, sizeof(message), "%s%s%s: %s (%s)", syscall, address ? " " : "",
	               address ? address : "", describe(err, text, sizeof(text)), mptk_errno_name(err));
	return system_error(env, err, syscall, address, message);
}

static napi_value throw_error(napi_env env, napi_value error)
{
	if (error)
		MPTK_NAPI(env, napi_throw(env, error));
	return NULL;
}

napi_value mptk_throw_errno(napi_env env, int err, const char *syscall, const char *address)
{
	return throw_error(env, mptk_errno_error(env, err, syscall, address));
}

napi_value mptk_throw_errno_about(napi_env env, int err, const char *syscall, const char *about,
                                  const char *meaning)
{
	char text[128], message[384];

	(void)snprintf(message, sizeof(message), "%s %s: %s (%s)", syscall, about,
	               meaning ? meaning : describe(err, text, sizeof(text)), mptk_errno_name(err));
	return throw_error(env, system_error(env, err, syscall, NULL, message));
}

napi_value mptk_throw_argument(napi_env env, const char *argument, const char *expected)
{
	char message[256];

	(void)snprintf(message, sizeof(message), "%s: expected %s", argument, expected);
	MPTK_NAPI(env, napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", message));
	return NULL;
}

/* Any whole number between the two; N-API's own readers would cut 1.5 to 1 and wrap 2^32 to 0. */
static bool get_whole(napi_env env, napi_value value, double least, double most, double *out)
{
	return napi_get_value_double(env, value, out) == napi_ok && *out >= least && *out <= most &&
	       (double)(int64_t)*out == *out;
}

bool mptk_get_int(napi_env env, napi_value value, const char *name, int *out)
{
	double number;

	if (!get_whole(env, value, INT32_MIN, INT32_MAX, &number))
		return mptk_throw_argument(env, name, "a 32-bit integer");
	*out = (int)number;
	return true;
}

bool mptk_get_uint(napi_env env, napi_value value, const char *name, uint32_t most, uint32_t *out)
{
	double number;
	char expected[64];

	if (!get_whole(env, value, 0, most, &number)) {
		(void)snprintf(expected, sizeof(expected), "an integer from 0 to %u", most);
		return mptk_throw_argument(env, name, expected);
	}
	*out = (uint32_t)number;
	return true;
}

bool mptk_get_bool(napi_env env, napi_value value, const char *name, bool *out)
{
	if (napi_get_value_bool(env, value, out) != napi_ok)
		return mptk_throw_argument(env, name, "true or false");
	return true;
}

bool mptk_get_string(napi_env env, napi_value value, const char *name, char *out, size_t size)
{
	size_t length = 0;
	char expected[64];

	if (napi_get_value_string_utf8(env, value, NULL, 0, &length) != napi_ok || length >= size ||
	    napi_get_value_string_utf8(env, value, out, size, &length) != napi_ok ||
	    strlen(out) != length) {
		(void)snprintf(expected, sizeof(expected), "a string of less than %zu bytes", size);
		return mptk_throw_argument(env, name, expected);
	}
	return true;
}

bool mptk_get_bytes(napi_env env, napi_value value, const char *name, uint8_t **data, size_t *length)
{
	napi_typedarray_type type;
	void *bytes;

	if (napi_get_typedarray_info(env, value, &type, length, &bytes, NULL, NULL) != napi_ok ||
	    type != napi_uint8_array)
		return mptk_throw_argument(env, name, "a Uint8Array");
	*data = bytes;
	return true;
}

bool mptk_get_arguments(napi_env env, napi_callback_info info, size_t count, napi_value *out)
{
	size_t given = count;

	/* Arguments not given are filled with undefined, which every reader refuses by name. */
	MPTK_NAPI(env, napi_get_cb_info(env, info, &given, out, NULL, NULL));
	return true;
}

napi_value mptk_undefined(napi_env env)
{
	napi_value value;

	MPTK_NAPI(env, napi_get_undefined(env, &value));
	return value;
}

void mptk_report_exception(napi_env env)
{
	bool pending = false;
	napi_value error;

	if (napi_is_exception_pending(env, &pending) == napi_ok && pending &&
	    napi_get_and_clear_last_exception(env, &error) == napi_ok)
		(void)napi_fatal_exception(env, error);
}

bool mptk_export(napi_env env, napi_value exports, const char *name, napi_callback function)
{
	napi_value value;

	MPTK_NAPI(env, napi_create_function(env, name, NAPI_AUTO_LENGTH, function, NULL, &value));
	MPTK_NAPI(env, napi_set_named_property(env, exports, name, value));
	return true;
}
