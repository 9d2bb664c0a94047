/* Sockets, the client's side of SOCKS5 (RFC 1928), and small helpers. */
#define _GNU_SOURCE
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* SOL_TCP option of Linux 6.10 and later: 1 when the connection is MPTCP and did not fall back. */
#define OPT_IS_MPTCP 43

void die(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(1);
}

void die_message(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("load: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

uint64_t parse_number(const char *text, uint64_t max)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || text[0] == '-' || value > max)
		die_message("expected a number of at most %llu, found %s", (unsigned long long)max, text);
	return value;
}

struct sockaddr_in parse_address(const char *text)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	char host[INET_ADDRSTRLEN];
	const char *colon = strrchr(text, ':');

	if (colon == NULL || (size_t)(colon - text) >= sizeof host)
		die_message("expected an IPv4 address and a port, found %s", text);
	memcpy(host, text, (size_t)(colon - text));
	host[colon - text] = '\0';
	if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
		die_message("expected an IPv4 address and a port, found %s", text);
	address.sin_port = htons((uint16_t)parse_number(colon + 1, 65535));
	return address;
}

double now(void)
{
	struct timespec time;

	if (clock_gettime(CLOCK_MONOTONIC, &time) != 0)
		die("clock_gettime");
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		die("getrlimit");
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		die("setrlimit");
}

int client_socket(const struct target *target, unsigned nth, int flags)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, target->mptcp ? IPPROTO_MPTCP : IPPROTO_TCP);
	const int on = 1;

	if (fd < 0)
		return -1;
	if (target->spread > 1) {
		struct sockaddr_in source = { .sin_family = AF_INET };

		source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + nth % target->spread);
		/* MPTCP refuses the option on older kernels; the port is then chosen at bind */
		if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) != 0 && !target->mptcp)
			die("IP_BIND_ADDRESS_NO_PORT");
		if (bind(fd, (struct sockaddr *)&source, sizeof source) != 0)
			die("bind");
	}
	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0)
		die("TCP_NODELAY");
	return fd;
}

void check_transport(int fd, const struct target *target)
{
	int multipath = 0;
	socklen_t length = sizeof multipath;

	if (getsockopt(fd, IPPROTO_TCP, OPT_IS_MPTCP, &multipath, &length) != 0)
		die("TCP_IS_MPTCP (Linux 6.10 or later is needed)");
	if ((multipath == 1) != target->mptcp)
		die_message("the connection speaks %s", multipath == 1 ? "MPTCP" : "TCP");
}

void socks_greeting(uint8_t out[SOCKS_GREETING])
{
	const uint8_t greeting[SOCKS_GREETING] = { 5, 1, 0 };

	memcpy(out, greeting, sizeof greeting);
}

void socks_request(const struct target *target, unsigned nth, uint8_t out[SOCKS_REQUEST])
{
	const uint8_t head[] = { 5, 1, 0, 1 };
	const uint32_t host = htonl(ntohl(target->to.sin_addr.s_addr) + nth % target->spread);

	memcpy(out, head, sizeof head);
	memcpy(out + 4, &host, sizeof host);
	memcpy(out + 8, &target->to.sin_port, sizeof target->to.sin_port);
}

bool socks_method_ok(const uint8_t in[SOCKS_METHOD])
{
	return in[0] == 5 && in[1] == 0;
}

/* Version 5, succeeded, an IPv4 address: what every proxy here answers to an IPv4 request. */
bool socks_reply_ok(const uint8_t in[SOCKS_REPLY])
{
	return in[0] == 5 && in[1] == 0 && in[3] == 1;
}

void send_all(int fd, const void *bytes, size_t length)
{
	const uint8_t *at = bytes;

	while (length > 0) {
		ssize_t sent = send(fd, at, length, MSG_NOSIGNAL);

		if (sent < 0)
			die("send");
		at += sent;
		length -= (size_t)sent;
	}
}

void recv_all(int fd, void *bytes, size_t length)
{
	uint8_t *at = bytes;

	while (length > 0) {
		ssize_t got = recv(fd, at, length, 0);

		if (got < 0)
			die("recv");
		if (got == 0)
			die_message("the connection ended %zu bytes too early", length);
		at += got;
		length -= (size_t)got;
	}
}

int open_session(const struct target *target, unsigned nth)
{
	uint8_t request[SOCKS_REQUEST], reply[SOCKS_REPLY];
	int fd = client_socket(target, nth, 0);

	if (fd < 0)
		die("socket");
	if (connect(fd, (const struct sockaddr *)&target->via, sizeof target->via) != 0)
		die("connect");
	check_transport(fd, target);
	if (!target->socks)
		return fd;
	socks_greeting(request);
	send_all(fd, request, SOCKS_GREETING);
	recv_all(fd, reply, SOCKS_METHOD);
	if (!socks_method_ok(reply))
		die_message("the SOCKS5 server wants authentication");
	socks_request(target, nth, request);
	send_all(fd, request, SOCKS_REQUEST);
	recv_all(fd, reply, SOCKS_REPLY);
	if (!socks_reply_ok(reply))
		die_message("the SOCKS5 server answered with code %u", reply[1]);
	return fd;
}
