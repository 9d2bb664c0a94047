/* Socket addresses from and to the { address, port } that the rest of the project speaks. */
#include "common.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool read_v4(const char *host, uint16_t port, struct mptk_address *out)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&out->storage;

	if (inet_pton(AF_INET, host, &in->sin_addr) != 1)
		return false;
	in->sin_family = AF_INET;
	in->sin_port = htons(port);
	out->length = sizeof(*in);
	return true;
}

/* The zone is an interface name or, as RFC 4007 section 11.2 allows, its index. 0 when there is none such. */
static uint32_t read_zone(const char *zone)
{
	char *end;
	unsigned long index = strtoul(zone, &end, 10);

	if (*zone >= '0' && *zone <= '9' && *end == '\0' && index <= UINT32_MAX)
		return (uint32_t)index;
	return if_nametoindex(zone);
}

/* Returns false when host is no IPv6 literal; *zone_found tells whether its zone, if any, exists. */
static bool read_v6(const char *host, uint16_t port, struct mptk_address *out, bool *zone_found)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&out->storage;
	char literal[INET6_ADDRSTRLEN];
	const char *percent = strchr(host, '%');
	size_t length = percent ? (size_t)(percent - host) : strlen(host);

	if (length >= sizeof(literal))
		return false;
	memcpy(literal, host, length);
	literal[length] = '\0';
	if (inet_pton(AF_INET6, literal, &in6->sin6_addr) != 1)
		return false;
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	in6->sin6_scope_id = percent ? read_zone(percent + 1) : 0;
	*zone_found = !percent || in6->sin6_scope_id != 0;
	out->length = sizeof(*in6);
	return true;
}

bool mptk_get_address(napi_env env, napi_value address, napi_value port, const char *syscall,
                      struct mptk_address *out)
{
	char host[INET6_ADDRSTRLEN + 1 + IF_NAMESIZE];
	uint32_t number;
	bool zone_found = true;

	memset(out, 0, sizeof(*out));
	if (!mptk_get_string(env, address, "address", host, sizeof(host)) ||
	    !mptk_get_uint(env, port, "port", UINT16_MAX, &number))
		return false;
	if (read_v4(host, (uint16_t)number, out)) {
		(void)snprintf(out->text, sizeof(out->text), "%s:%u", host, number);
		return true;
	}
	if (!read_v6(host, (uint16_t)number, out, &zone_found))
		return mptk_throw_argument(env, "address", "an IPv4 or IPv6 literal");
	(void)snprintf(out->text, sizeof(out->text), "[%s]:%u", host, number);
	if (!zone_found)
		return mptk_throw_errno(env, ENODEV, syscall, out->text);
	return true;
}

/* Only link-local addresses mean nothing without their interface. */
static void append_zone(const struct sockaddr_in6 *in6, char *text, size_t size)
{
	char name[IF_NAMESIZE];
	size_t length = strlen(text);

	if (in6->sin6_scope_id == 0 || !(IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr) ||
	                                 IN6_IS_ADDR_MC_LINKLOCAL(&in6->sin6_addr)))
		return;
	if (if_indextoname(in6->sin6_scope_id, name))
		(void)snprintf(text + length, size - length, "%%%s", name);
	else
		(void)snprintf(text + length, size - length, "%%%u", in6->sin6_scope_id);
}

/* False when the family is neither IPv4 nor IPv6. */
static bool write_text(const struct sockaddr_storage *from, char *text, size_t size, uint16_t *port)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)from;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)from;

	if (from->ss_family == AF_INET) {
		*port = ntohs(in->sin_port);
		return inet_ntop(AF_INET, &in->sin_addr, text, (socklen_t)size) != NULL;
	}
	if (from->ss_family != AF_INET6)
		return false;
	*port = ntohs(in6->sin6_port);
	if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
		return inet_ntop(AF_INET, &in6->sin6_addr.s6_addr[12], text, (socklen_t)size) != NULL;
	if (!inet_ntop(AF_INET6, &in6->sin6_addr, text, (socklen_t)size))
		return false;
	append_zone(in6, text, size);
	return true;
}

bool mptk_set_address(napi_env env, napi_value object, const struct sockaddr_storage *from)
{
	char text[MPTK_ADDRESS_TEXT];
	uint16_t number;
	napi_value address, port;

	if (!write_text(from, text, sizeof(text), &number))
		return mptk_throw_errno(env, EAFNOSUPPORT, "getsockname", NULL);
	MPTK_NAPI(env, napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &address));
	MPTK_NAPI(env, napi_create_uint32(env, number, &port));
	MPTK_NAPI(env, napi_set_named_property(env, object, "address", address));
	MPTK_NAPI(env, napi_set_named_property(env, object, "port", port));
	return true;
}
