/*
 * Makes this machine look like the out-of-tree MPTCP kernel v0.95 (Linux 4.19) to one
 * process, or like a kernel without MPTCP: for LD_PRELOAD in tests. It answers socket
 * options 42 to 45, protocol 262 and the files under /proc; sockets stay ordinary TCP.
 *
 * Environment:
 *   FAKE_KERNEL        out-of-tree, v0.96 (takes protocol 262 and opens TCP) or tcp-only
 *   FAKE_PROC          directory read instead of /proc: sys/net/mptcp/..., net/mptcp_net/...
 *   FAKE_MPTCP_PEERS   IPv4 addresses, separated by spaces, that speak MPTCP
 *   FAKE_MASTER_GONE   set: the initial subflow has ended and was not saved
 *
 * What may be set when, and which error comes first, follows tests on a v0.95.1 guest;
 * MPTCP_INFO follows mptcp_get_info() in its net/mptcp/mptcp_ctrl.c.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PROTOCOL_MPTCP 262
#define OPT_ENABLED 42
#define OPT_SCHEDULER 43
#define OPT_PATH_MANAGER 44
#define OPT_INFO 45
#define NAME_ROOM 16
#define STATE_ESTABLISHED 1
#define STATE_CLOSE 7
/* sizeof(struct tcp_info) of Linux 4.19. */
#define OLD_TCP_INFO 224
#define DESCRIPTORS 4096

/* One TCP socket; by descriptor. */
static struct state {
	/* The sysctl when the socket was created. */
	int sysctl;
	bool wanted;
	char scheduler[NAME_ROOM];
	char path_manager[NAME_ROOM];
} sockets[DESCRIPTORS];

#define REAL(name) ((__typeof__(&(name)))real(#name))

static void *real(const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);

	if (!found) {
		fprintf(stderr, "preload: no %s\n", name);
		abort();
	}
	return found;
}

static bool kernel_is(const char *name)
{
	const char *kernel = getenv("FAKE_KERNEL");

	return kernel && strcmp(kernel, name) == 0;
}

/* Is word one of the words in list? */
static bool listed(const char *list, const char *word)
{
	char copy[1024];
	char *rest = NULL;

	snprintf(copy, sizeof(copy), "%s", list ? list : "");
	for (char *each = strtok_r(copy, " ", &rest); each; each = strtok_r(NULL, " ", &rest))
		if (strcmp(each, word) == 0)
			return true;
	return false;
}

/* --- files ------------------------------------------------------------- */

/* The path to open instead: everything of MPTCP under /proc, whether the directory has it or not. */
static const char *redirect(const char *path, char *out, size_t size)
{
	const char *root = getenv("FAKE_PROC");

	if (!root || !path ||
	    (strncmp(path, "/proc/sys/net/mptcp/", 20) != 0 && strncmp(path, "/proc/net/mptcp_net/", 20) != 0))
		return path;
	snprintf(out, size, "%s%s", root, path + strlen("/proc"));
	return out;
}

static mode_t mode_of(int flags, va_list arguments)
{
	return flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
}

#define DEFINE_OPEN(name)                                                    \
	int name(const char *path, int flags, ...)                               \
	{                                                                        \
		char buffer[512];                                                    \
		va_list arguments;                                                   \
		va_start(arguments, flags);                                          \
		mode_t mode = mode_of(flags, arguments);                             \
		va_end(arguments);                                                   \
		return REAL(name)(redirect(path, buffer, sizeof(buffer)), flags, mode); \
	}

DEFINE_OPEN(open)
DEFINE_OPEN(open64)

int access(const char *path, int mode)
{
	char buffer[512];

	return REAL(access)(redirect(path, buffer, sizeof(buffer)), mode);
}

static int sysctl_enabled(void)
{
	char text[16] = "";
	int fd = open("/proc/sys/net/mptcp/mptcp_enabled", O_RDONLY | O_CLOEXEC);

	/* Out of sight in another network namespace than the first, and in force all the same. */
	if (fd < 0)
		return getenv("FAKE_ENABLED") ? atoi(getenv("FAKE_ENABLED")) : 1;
	ssize_t length = read(fd, text, sizeof(text) - 1);
	close(fd);
	return length > 0 ? atoi(text) : 1;
}

/* --- sockets ----------------------------------------------------------- */

static int fail(int err)
{
	errno = err;
	return -1;
}

static bool tracked(int fd)
{
	int protocol = 0;
	socklen_t length = sizeof(protocol);

	return !kernel_is("tcp-only") && fd >= 0 && fd < DESCRIPTORS &&
	       REAL(getsockopt)(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &length) == 0 && protocol == IPPROTO_TCP;
}

int socket(int domain, int type, int protocol)
{
	if (protocol == PROTOCOL_MPTCP && !kernel_is("v0.96"))
		return fail(EPROTONOSUPPORT);
	/* The real kernel's path manager must not be found. */
	if (domain == AF_NETLINK && protocol == NETLINK_GENERIC)
		return fail(EPROTONOSUPPORT);
	int fd = REAL(socket)(domain, type, protocol == PROTOCOL_MPTCP ? IPPROTO_TCP : protocol);
	if (tracked(fd)) {
		int sysctl = sysctl_enabled();
		sockets[fd] = (struct state){ .sysctl = sysctl, .wanted = sysctl == 1 };
	}
	return fd;
}

int accept4(int fd, struct sockaddr *address, socklen_t *length, int flags)
{
	int accepted = REAL(accept4)(fd, address, length, flags);

	if (tracked(accepted))
		sockets[accepted] = sockets[fd];
	return accepted;
}

static int tcp_state(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t length = sizeof(info);

	return REAL(getsockopt)(fd, IPPROTO_TCP, TCP_INFO, &info, &length) == 0 ? info.tcpi_state : STATE_CLOSE;
}

static bool negotiated(int fd)
{
	struct sockaddr_in peer = { 0 };
	socklen_t length = sizeof(peer);
	char text[INET_ADDRSTRLEN];

	if (!sockets[fd].sysctl || !sockets[fd].wanted ||
	    getpeername(fd, (struct sockaddr *)&peer, &length) < 0 || peer.sin_family != AF_INET)
		return false;
	return listed(getenv("FAKE_MPTCP_PEERS"), inet_ntop(AF_INET, &peer.sin_addr, text, sizeof(text)));
}

static bool net_admin(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	return syscall(SYS_capget, &header, data) == 0 && (data[0].effective & (1u << CAP_NET_ADMIN));
}

static int set_name(int fd, int option, const void *value, socklen_t length)
{
	const char *names = option == OPT_SCHEDULER ? "default roundrobin redundant blest" : "default fullmesh ndiffports";
	char name[NAME_ROOM] = "";

	if (length < 1)
		return fail(EINVAL);
	memcpy(name, value, length < NAME_ROOM ? length : NAME_ROOM - 1);
	if (tcp_state(fd) != STATE_CLOSE || !sockets[fd].sysctl)
		return fail(EPERM);
	/* The name is looked up before the privilege. */
	if (!listed(names, name))
		return fail(ENOENT);
	if (!net_admin())
		return fail(EPERM);
	memcpy(option == OPT_SCHEDULER ? sockets[fd].scheduler : sockets[fd].path_manager, name, NAME_ROOM);
	return 0;
}

int setsockopt(int fd, int level, int option, const void *value, socklen_t length)
{
	if (level != IPPROTO_TCP || option < OPT_ENABLED || option > OPT_INFO || !tracked(fd))
		return REAL(setsockopt)(fd, level, option, value, length);
	if (option == OPT_SCHEDULER || option == OPT_PATH_MANAGER)
		return set_name(fd, option, value, length);
	if (length < sizeof(int))
		return fail(EINVAL);
	if (option == OPT_INFO)
		return 0;
	if (tcp_state(fd) != STATE_CLOSE || !sockets[fd].sysctl)
		return fail(EPERM);
	sockets[fd].wanted = *(const int *)value != 0;
	return 0;
}

/* --- MPTCP_INFO -------------------------------------------------------- */

union address {
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

struct sub_info {
	union address source, destination;
};

struct pointers {
	uint32_t tcp_info_len, sub_len, meta_len, sub_info_len, total_sub_info_len;
	uint8_t *meta, *initial, *subflows, *sub_info;
};

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Appends one struct, cut where the room ends; returns what was written. */
static uint32_t append(uint8_t *to, uint32_t done, uint32_t room, const void *from, uint32_t length)
{
	uint32_t fits = least(length, room - done);

	memcpy(to + done, from, fits);
	return fits;
}

/* Two subflows: the TCP connection, and one that differs from it in the local address and its RTT. */
static int connection_info(int fd, void *value)
{
	struct pointers p;
	struct sub_info sub[2] = { 0 };
	struct tcp_info real_info = { 0 };
	uint8_t info[2][OLD_TCP_INFO], meta[48] = { 0 };
	socklen_t length = sizeof(real_info), source = sizeof(sub->source), destination = sizeof(sub->destination);
	uint32_t tcp_done = 0, sub_done = 0;

	memcpy(&p, value, sizeof(p));
	if (REAL(getsockopt)(fd, IPPROTO_TCP, TCP_INFO, &real_info, &length) < 0 ||
	    getsockname(fd, (struct sockaddr *)&sub[0].source, &source) < 0 ||
	    getpeername(fd, (struct sockaddr *)&sub[0].destination, &destination) < 0)
		return -1;
	if (p.initial && getenv("FAKE_MASTER_GONE"))
		return fail(EINVAL);
	memcpy(info[0], &real_info, OLD_TCP_INFO);
	real_info.tcpi_rtt = 20000;
	memcpy(info[1], &real_info, OLD_TCP_INFO);
	sub[1] = sub[0];
	sub[1].source.v4.sin_addr.s_addr = inet_addr("192.0.2.7");
	meta[0] = STATE_ESTABLISHED;
	memcpy(meta + 40, &real_info.tcpi_bytes_received, 8);

	p.meta_len = least(p.meta_len, sizeof(meta));
	memcpy(p.meta, meta, p.meta_len);
	p.tcp_info_len = least(p.tcp_info_len, OLD_TCP_INFO);
	p.sub_info_len = least(p.sub_info_len, sizeof(sub[0]));
	if (p.initial)
		memcpy(p.initial, info[0], p.tcp_info_len);
	for (int i = 0; i < 2; i++) {
		tcp_done += append(p.subflows, tcp_done, p.sub_len, info[i], p.tcp_info_len);
		sub_done += append(p.sub_info, sub_done, p.total_sub_info_len, &sub[i], p.sub_info_len);
	}
	p.sub_len = tcp_done;
	p.total_sub_info_len = sub_done;
	memcpy(value, &p, sizeof(p));
	return 0;
}

static int get_name(const char *name, void *value, socklen_t *length)
{
	*length = least(*length, NAME_ROOM);
	memcpy(value, name, *length);
	return 0;
}

int getsockopt(int fd, int level, int option, void *restrict value, socklen_t *restrict length)
{
	if (level != IPPROTO_TCP || option < OPT_ENABLED || option > OPT_INFO || !tracked(fd))
		return REAL(getsockopt)(fd, level, option, value, length);
	if (option == OPT_SCHEDULER)
		return get_name(sockets[fd].scheduler, value, length);
	if (option == OPT_PATH_MANAGER)
		return get_name(sockets[fd].path_manager, value, length);
	if (option == OPT_ENABLED) {
		*length = least(*length, sizeof(int));
		memcpy(value, &(int){ negotiated(fd) }, *length);
		return 0;
	}
	if (!negotiated(fd))
		return fail(EINVAL);
	*length = least(*length, sizeof(struct pointers));
	return *length == sizeof(struct pointers) ? connection_info(fd, value) : fail(EINVAL);
}
