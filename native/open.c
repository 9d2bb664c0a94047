/* socket(options): a non-blocking, close-on-exec stream socket with everything asked for set on it. */
#include "common.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Options of the out-of-tree kernel, v0.92 and later: include/uapi/linux/tcp.h there. */
#define OOT_ENABLED 42
#define OOT_SCHEDULER 43
#define OOT_PATH_MANAGER 44

/* TCP_CA_NAME_MAX and IFNAMSIZ of the kernel; schedulers and path managers have the same room. */
#define NAME_ROOM 16

/* linux/in6.h; older C libraries do not have it. */
#ifndef IPV6_TRANSPARENT
#define IPV6_TRANSPARENT 75
#endif

/* One socket being opened, so that every step takes the same arguments. */
struct opening {
	napi_env env;
	int fd;
	int family;
};

enum kind { FLAG, NUMBER, NAME };

struct option {
	const char *key;
	enum kind kind;
	/* AF_UNSPEC: either. */
	int family;
	int level;
	int name;
	/* For NUMBER. */
	uint32_t most;
	/* As errors name it. */
	const char *syscall;
};

/* Must work, or the socket is not what was asked for. */
static const struct option essential[] = {
	{ "v6Only", FLAG, AF_UNSPEC, IPPROTO_IPV6, IPV6_V6ONLY, 0, "setsockopt IPV6_V6ONLY" },
	{ "mark", NUMBER, AF_UNSPEC, SOL_SOCKET, SO_MARK, UINT32_MAX, "setsockopt SO_MARK" },
	{ "device", NAME, AF_UNSPEC, SOL_SOCKET, SO_BINDTODEVICE, 0, "setsockopt SO_BINDTODEVICE" },
	{ "reuseAddress", FLAG, AF_UNSPEC, SOL_SOCKET, SO_REUSEADDR, 0, "setsockopt SO_REUSEADDR" },
	{ "reusePort", FLAG, AF_UNSPEC, SOL_SOCKET, SO_REUSEPORT, 0, "setsockopt SO_REUSEPORT" },
	{ "transparent", FLAG, AF_INET, IPPROTO_IP, IP_TRANSPARENT, 0, "setsockopt IP_TRANSPARENT" },
	{ "transparent", FLAG, AF_INET6, IPPROTO_IPV6, IPV6_TRANSPARENT, 0, "setsockopt IPV6_TRANSPARENT" },
	{ "congestion", NAME, AF_UNSPEC, IPPROTO_TCP, TCP_CONGESTION, 0, "setsockopt TCP_CONGESTION" },
	{ "sendBuffer", NUMBER, AF_UNSPEC, SOL_SOCKET, SO_SNDBUF, INT32_MAX, "setsockopt SO_SNDBUF" },
	{ "receiveBuffer", NUMBER, AF_UNSPEC, SOL_SOCKET, SO_RCVBUF, INT32_MAX, "setsockopt SO_RCVBUF" },
};

static const struct option out_of_tree[] = {
	{ "enabled", FLAG, AF_UNSPEC, IPPROTO_TCP, OOT_ENABLED, 0, "setsockopt MPTCP_ENABLED" },
	{ "scheduler", NAME, AF_UNSPEC, IPPROTO_TCP, OOT_SCHEDULER, 0, "setsockopt MPTCP_SCHEDULER" },
	{ "pathManager", NAME, AF_UNSPEC, IPPROTO_TCP, OOT_PATH_MANAGER, 0, "setsockopt MPTCP_PATH_MANAGER" },
};

/* Best effort: MPTCP sockets take TCP_NODELAY from Linux 6.1 and TCP_KEEP* from 6.6 only. */
static const struct option no_delay[] = {
	{ "noDelay", FLAG, AF_UNSPEC, IPPROTO_TCP, TCP_NODELAY, 0, NULL },
};
static const struct option keepalive[] = {
	{ "idle", NUMBER, AF_UNSPEC, IPPROTO_TCP, TCP_KEEPIDLE, INT16_MAX, NULL },
	{ "interval", NUMBER, AF_UNSPEC, IPPROTO_TCP, TCP_KEEPINTVL, INT16_MAX, NULL },
	{ "count", NUMBER, AF_UNSPEC, IPPROTO_TCP, TCP_KEEPCNT, 127, NULL },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Sets *value to NULL when the key is absent; false with an exception pending. */
static bool find(napi_env env, napi_value object, const char *key, napi_value *value)
{
	napi_valuetype type;

	MPTK_NAPI(env, napi_get_named_property(env, object, key, value));
	MPTK_NAPI(env, napi_typeof(env, *value, &type));
	if (type == napi_undefined)
		*value = NULL;
	return true;
}

/* An object; false with an exception pending otherwise. */
static bool check_object(napi_env env, napi_value value, const char *name)
{
	napi_valuetype type;

	MPTK_NAPI(env, napi_typeof(env, value, &type));
	return type == napi_object || mptk_throw_argument(env, name, "an object");
}

/* Without a syscall name the option is best effort and a failure is passed over. */
static bool set_number(const struct opening *o, const struct option *option, uint32_t value)
{
	char about[16];

	if (setsockopt(o->fd, option->level, option->name, &value, sizeof(value)) == 0 || !option->syscall)
		return true;
	(void)snprintf(about, sizeof(about), "%u", value);
	return mptk_throw_errno_about(o->env, errno, option->syscall, about, NULL);
}

static bool set_name(const struct opening *o, const struct option *option, const char *value)
{
	char about[NAME_ROOM + 2];

	if (setsockopt(o->fd, option->level, option->name, value, (socklen_t)strlen(value)) == 0)
		return true;
	(void)snprintf(about, sizeof(about), "\"%s\"", value);
	return mptk_throw_errno_about(o->env, errno, option->syscall, about,
	                              errno == ENOENT ? "this kernel has none of that name" : NULL);
}

static bool apply(const struct opening *o, const char *path, const struct option *option, napi_value value)
{
	char label[64], name[NAME_ROOM];
	uint32_t number;
	bool flag;

	(void)snprintf(label, sizeof(label), "%s.%s", path, option->key);
	switch (option->kind) {
	case FLAG:
		return mptk_get_bool(o->env, value, label, &flag) && set_number(o, option, flag);
	case NUMBER:
		return mptk_get_uint(o->env, value, label, option->most, &number) &&
		       set_number(o, option, number);
	default:
		return mptk_get_string(o->env, value, label, name, sizeof(name)) && set_name(o, option, name);
	}
}

/* path is the object's name in error messages. */
static bool apply_all(const struct opening *o, const char *path, napi_value object,
                      const struct option *table, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		napi_value value;

		if (table[i].family != AF_UNSPEC && table[i].family != o->family)
			continue;
		if (!find(o->env, object, table[i].key, &value) || (value && !apply(o, path, &table[i], value)))
			return false;
	}
	return true;
}

/* First of all options: these are taken only in state CLOSE, and congestion control may depend on them. */
static bool apply_out_of_tree(const struct opening *o, napi_value options)
{
	napi_value value;

	if (!find(o->env, options, "outOfTree", &value))
		return false;
	return !value || (check_object(o->env, value, "options.outOfTree") &&
	                  apply_all(o, "options.outOfTree", value, out_of_tree, COUNT(out_of_tree)));
}

static bool apply_keepalive(const struct opening *o, napi_value options)
{
	const struct option on = { "keepalive", FLAG, AF_UNSPEC, SOL_SOCKET, SO_KEEPALIVE, 0, NULL };
	napi_value value;

	if (!find(o->env, options, "keepalive", &value))
		return false;
	return !value || (check_object(o->env, value, "options.keepalive") && set_number(o, &on, 1) &&
	                  apply_all(o, "options.keepalive", value, keepalive, COUNT(keepalive)));
}

static bool read_family(napi_env env, napi_value options, int *family)
{
	napi_value value;
	double number = 0;

	MPTK_NAPI(env, napi_get_named_property(env, options, "family", &value));
	if (napi_get_value_double(env, value, &number) != napi_ok || (number != 4 && number != 6))
		return mptk_throw_argument(env, "options.family", "4 or 6");
	*family = number == 6 ? AF_INET6 : AF_INET;
	return true;
}

static bool read_protocol(napi_env env, napi_value options, int *protocol)
{
	char name[NAME_ROOM];
	napi_value value;

	MPTK_NAPI(env, napi_get_named_property(env, options, "protocol", &value));
	if (!mptk_get_string(env, value, "options.protocol", name, sizeof(name)))
		return false;
	if (strcmp(name, "tcp") != 0 && strcmp(name, "mptcp") != 0)
		return mptk_throw_argument(env, "options.protocol", "\"tcp\" or \"mptcp\"");
	*protocol = strcmp(name, "mptcp") == 0 ? IPPROTO_MPTCP : IPPROTO_TCP;
	return true;
}

napi_value mptk_open(napi_env env, napi_callback_info info)
{
	struct opening o = { .env = env };
	napi_value options, fd;
	int protocol = IPPROTO_TCP;

	if (!mptk_get_arguments(env, info, 1, &options) || !check_object(env, options, "options") ||
	    !read_family(env, options, &o.family) || !read_protocol(env, options, &protocol))
		return NULL;
	o.fd = socket(o.family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
	if (o.fd < 0)
		return mptk_throw_errno_about(env, errno, "socket",
		                              protocol == IPPROTO_MPTCP ? "IPPROTO_MPTCP" : "IPPROTO_TCP", NULL);
	if (!apply_out_of_tree(&o, options) ||
	    !apply_all(&o, "options", options, essential, COUNT(essential)) ||
	    !apply_all(&o, "options", options, no_delay, COUNT(no_delay)) || !apply_keepalive(&o, options) ||
	    napi_create_int32(env, o.fd, &fd) != napi_ok) {
		(void)close(o.fd);
		return NULL;
	}
	return fd;
}
