/*
 * What every file of the addon shares: error reporting, argument reading, and each
 * subject's entry into the N-API table (addon.c).
 */
#ifndef MPTK_COMMON_H
#define MPTK_COMMON_H

#include <netinet/in.h>
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

/* Name of an errno value, "ECONNREFUSED"; "EUNKNOWN" for one that sockets do not answer. */
const char *mptk_errno_name(int err);

/*
 * An Error with code, errno, syscall and, when address is not NULL, address. NULL with an
 * exception pending when it cannot be made.
 */
napi_value mptk_errno_error(napi_env env, int err, const char *syscall, const char *address);

/* Throws that. Returns NULL, so that a function can `return mptk_throw_errno(...)`. */
napi_value mptk_throw_errno(napi_env env, int err, const char *syscall, const char *address);

/*
 * The same for a call that concerns something other than an address, which the message
 * names: "setsockopt TCP_CONGESTION \"foo\": ...". meaning replaces the C library's text
 * where the errno says less than is known; it may be NULL. Returns NULL.
 */
napi_value mptk_throw_errno_about(napi_env env, int err, const char *syscall, const char *about,
                                  const char *meaning);

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
/* Read argument as an integer from 0 to most; false with an exception pending otherwise. */
bool mptk_get_uint(napi_env env, napi_value value, const char *name, uint32_t most, uint32_t *out);
/* Read argument as a boolean; false with an exception pending otherwise. */
bool mptk_get_bool(napi_env env, napi_value value, const char *name, bool *out);
/* Read argument as a NUL-terminated string of less than size bytes; false with an exception pending otherwise. */
bool mptk_get_string(napi_env env, napi_value value, const char *name, char *out, size_t size);
/* Read argument as Uint8Array or Buffer; false with an exception pending otherwise. */
bool mptk_get_bytes(napi_env env, napi_value value, const char *name, uint8_t **data, size_t *length);

/* The first count arguments of a call, undefined where not given. */
bool mptk_get_arguments(napi_env env, napi_callback_info info, size_t count, napi_value *out);
/* undefined, or NULL with an exception pending. */
napi_value mptk_undefined(napi_env env);

/* --- addresses (address.c) --------------------------------------------- */

/* Room for "[" IPv6 literal "%" interface "]:" port. */
#define MPTK_ADDRESS_TEXT 80

struct mptk_address {
	struct sockaddr_storage storage;
	socklen_t length;
	/* As in error messages: "10.0.0.1:80", "[fe80::1%eth0]:80". */
	char text[MPTK_ADDRESS_TEXT];
};

/*
 * Reads the arguments address (an IP literal, a link-local one with "%interface") and port.
 * False with an exception pending otherwise; an unknown interface is ENODEV of syscall.
 */
bool mptk_get_address(napi_env env, napi_value address, napi_value port, const char *syscall,
                      struct mptk_address *out);
/* Sets address and port of object from a socket address; IPv4-mapped IPv6 is written as IPv4. */
bool mptk_set_address(napi_env env, napi_value object, const struct sockaddr_storage *from);

/* socket(options) of the NativeAddon contract (open.c). */
napi_value mptk_open(napi_env env, napi_callback_info info);
/* accept(fd, max) of the NativeAddon contract (accept.c). */
napi_value mptk_accept(napi_env env, napi_callback_info info);

/* outOfTreeInfo(fd) of the NativeAddon contract (info_out_of_tree.c). */
napi_value mptk_out_of_tree_info(napi_env env, napi_callback_info info);
/* Sets a property of object to a Buffer, or to an array of count Buffers of stride bytes each (info.c). */
bool mptk_set_buffer(napi_env env, napi_value object, const char *name, const void *data, size_t length);
bool mptk_set_buffers(napi_env env, napi_value object, const char *name, const void *data, size_t stride,
                      size_t count);

/* --- the subjects; each adds its functions to exports, false with an exception pending on failure --- */
bool mptk_socket_init(napi_env env, napi_value exports);
bool mptk_options_init(napi_env env, napi_value exports);
bool mptk_info_init(napi_env env, napi_value exports);
bool mptk_netlink_init(napi_env env, napi_value exports);
bool mptk_netlink_events_init(napi_env env, napi_value exports);
bool mptk_watch_init(napi_env env, napi_value exports);
bool mptk_relay_init(napi_env env, napi_value exports);
bool mptk_dial_init(napi_env env, napi_value exports);
bool mptk_exec_init(napi_env env, napi_value exports);

/*
 * Reports the pending exception, if any, as uncaught: a callback's exception is the program's
 * own, and what else was to be called back goes on (errors.c).
 */
void mptk_report_exception(napi_env env);

/* Adds one function to exports (errors.c). */
bool mptk_export(napi_env env, napi_value exports, const char *name, napi_callback function);

#endif
