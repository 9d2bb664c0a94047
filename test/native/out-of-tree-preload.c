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
 * What may be set when, and which error comes first, follows tests on a v0.95.1 guest.
 * Files are replaced only where opened by path: Node's stat is a bare system call.
 */
#include "preload.h"

#include <arpa/inet.h>
#include <dlfcn.h>
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
#define STATE_TIME_WAIT 6
#define STATE_CLOSE 7
#define STATE_LAST_ACK 9
#define STATE_CLOSING 11
#define DESCRIPTORS 4096

/* One TCP socket; by descriptor. */
static struct state {
	/* The sysctl when the socket was created. */
	int sysctl;
	bool wanted;
	char scheduler[NAME_ROOM];
	char path_manager[NAME_ROOM];
} sockets[DESCRIPTORS];

void *preload_real(const char *name)
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

/* Both streams have ended: the real kernel's meta socket is closed then, whatever its subflows still do. */
static bool is_over(int fd)
{
	int state = tcp_state(fd);

	return state == STATE_CLOSE || state == STATE_TIME_WAIT || state == STATE_LAST_ACK ||
	       state == STATE_CLOSING;
}

static bool would_speak(int fd)
{
	struct sockaddr_in peer = { 0 };
	socklen_t length = sizeof(peer);
	char text[INET_ADDRSTRLEN];

	if (!sockets[fd].sysctl || !sockets[fd].wanted ||
	    REAL(getpeername)(fd, (struct sockaddr *)&peer, &length) < 0 || peer.sin_family != AF_INET)
		return false;
	return listed(getenv("FAKE_MPTCP_PEERS"), inet_ntop(AF_INET, &peer.sin_addr, text, sizeof(text)));
}

static bool negotiated(int fd)
{
	return !is_over(fd) && would_speak(fd);
}

/* A closed meta socket has no other end. */
int getpeername(int fd, struct sockaddr *restrict address, socklen_t *restrict length)
{
	if (tracked(fd) && is_over(fd) && would_speak(fd))
		return fail(ENOTCONN);
	return REAL(getpeername)(fd, address, length);
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

/* --- getsockopt -------------------------------------------------------- */

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
	*length = least(*length, POINTERS_SIZE);
	return *length == POINTERS_SIZE ? preload_connection_info(fd, value) : fail(EINVAL);
}
