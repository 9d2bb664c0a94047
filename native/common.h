/*
 * What every file of the addon shares: error reporting, argument reading, and each
 * subject's entry into the N-API table (addon.c).
 */
#ifndef MPTK_COMMON_H
#define MPTK_COMMON_H

#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#ifndef SOL_MPTCP
#define SOL_MPTCP 284
#endif

/* --- errors.c ---------------------------------------------------------- */

/* Name of an errno value, "ECONNREFUSED"; "EUNKNOWN" for one the C library does not know. */
const char *mptk_errno_name(int err);

/*
 * Throws an Error with code, errno, syscall and, when address is not NULL, address.
 * Returns NULL, so that a function can `return mptk_throw_errno(...)`.
 */
napi_value mptk_throw_errno(napi_env env, int err, const char *syscall, const char *address);

/* Throws a TypeError that names the argument and what was expected. Returns NULL. */
napi_value mptk_throw_argument(napi_env env, const char *argument, const char *expected);

/* For N-API calls that fail only on programming errors or with a pending exception. */
#define MPTK_NAPI(env, call)                                                             \
	do {                                                                                 \
		if ((call) != napi_ok) {                                                         \
			bool pending_ = false;                                                       \
			if (napi_is_exception_pending((env), &pending_) == napi_ok && !pending_)     \
				(void)napi_throw_error((env), "MPTK_NATIVE", "N-API call failed: " #call); \
			return NULL;                                                                 \
		}                                                                                \
	} while (0)

/* --- arguments (errors.c) ---------------------------------------------- */

/* Read argument as a 32-bit integer; false with an exception pending otherwise. */
bool mptk_get_int(napi_env env, napi_value value, const char *name, int *out);
/* Read argument as a NUL-terminated string of less than size bytes; false with an exception pending otherwise. */
bool mptk_get_string(napi_env env, napi_value value, const char *name, char *out, size_t size);
/* Read argument as Uint8Array or Buffer; false with an exception pending otherwise. */
bool mptk_get_bytes(napi_env env, napi_value value, const char *name, uint8_t **data, size_t *length);

/* --- the subjects; each adds its functions to exports, false with an exception pending on failure --- */
bool mptk_socket_init(napi_env env, napi_value exports);
bool mptk_options_init(napi_env env, napi_value exports);
bool mptk_info_init(napi_env env, napi_value exports);
bool mptk_netlink_init(napi_env env, napi_value exports);
bool mptk_watch_init(napi_env env, napi_value exports);
bool mptk_relay_init(napi_env env, napi_value exports);

/* Adds one function to exports. */
bool mptk_export(napi_env env, napi_value exports, const char *name, napi_callback function);

#endif
