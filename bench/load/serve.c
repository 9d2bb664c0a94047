/*
 * The far end, one epoll thread: a sink that answers the count of bytes once it has the
 * number it was told (waiting for the end of the stream instead would shut out proxies that
 * do not pass on a half-close), a source of a fixed number of bytes, and an echo. Plain TCP, all IPv4 addresses, a port of the
 * kernel's choice, which is printed.
 */
#define _GNU_SOURCE
#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 256, ECHO_BUFFER = 64 };

struct peer {
	int fd;
	uint64_t count;
	size_t pending;
	uint8_t echo[ECHO_BUFFER];
};

struct server {
	int epoll;
	uint64_t bytes;
	/* Reads and writes until the kernel has no more; false when the peer is finished with. */
	bool (*serve)(struct server *server, struct peer *peer);
	uint8_t *buffer;
};

/* True when the call only has to be repeated later; false when the connection is over. */
static bool would_block(void)
{
	return errno == EAGAIN || errno == EINTR;
}

static bool sink(struct server *server, struct peer *peer)
{
	while (peer->count < server->bytes) {
		ssize_t got = recv(peer->fd, server->buffer, BULK_BUFFER, 0);

		if (got <= 0)
			return got < 0 && would_block();
		peer->count += (uint64_t)got;
		/* a short read means that the queue is empty: asking again would only cost */
		if (got < BULK_BUFFER && peer->count < server->bytes)
			return true;
	}
	if (send(peer->fd, &peer->count, sizeof peer->count, MSG_NOSIGNAL) != sizeof peer->count)
		fprintf(stderr, "load: the sink could not answer its count\n");
	return false;
}

static bool source(struct server *server, struct peer *peer)
{
	while (peer->count < server->bytes) {
		uint64_t rest = server->bytes - peer->count;
		size_t length = rest < BULK_BUFFER ? (size_t)rest : BULK_BUFFER;
		ssize_t sent = send(peer->fd, server->buffer, length, MSG_NOSIGNAL);

		if (sent < 0)
			return would_block();
		peer->count += (uint64_t)sent;
	}
	return false;
}

static bool echo(struct server *server, struct peer *peer)
{
	(void)server;
	for (;;) {
		ssize_t done;

		if (peer->pending == 0) {
			done = recv(peer->fd, peer->echo, ECHO_BUFFER, 0);
			if (done <= 0)
				return done < 0 && would_block();
			peer->pending = (size_t)done;
		}
		done = send(peer->fd, peer->echo, peer->pending, MSG_NOSIGNAL);
		if (done < 0)
			return would_block();
		if ((size_t)done < peer->pending)
			return false;
		peer->pending = 0;
	}
}

static void accept_all(struct server *server, int listener)
{
	for (;;) {
		struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP };
		struct peer *peer;
		int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0 && would_block())
			return;
		if (fd < 0 && errno == ECONNABORTED)
			continue;
		if (fd < 0)
			die("accept");
		peer = calloc(1, sizeof *peer);
		if (peer == NULL)
			die("calloc");
		peer->fd = fd;
		event.data.ptr = peer;
		/* only the source waits for room; the others would be woken for it without end */
		if (server->serve == source)
			event.events |= EPOLLOUT;
		if (epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
			die("epoll_ctl");
	}
}

static int listen_anywhere(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t length = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);

	if (fd < 0)
		die("socket");
	if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0)
		die("bind");
	if (listen(fd, 4096) != 0)
		die("listen");
	if (getsockname(fd, (struct sockaddr *)&address, &length) != 0)
		die("getsockname");
	if (printf("%u\n", ntohs(address.sin_port)) < 0 || fflush(stdout) != 0)
		die("stdout");
	return fd;
}

static _Noreturn void run(struct server *server)
{
	struct epoll_event event = { .events = EPOLLIN }, events[EVENTS];
	int listener;

	raise_descriptor_limit();
	server->buffer = calloc(1, BULK_BUFFER);
	server->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (server->buffer == NULL || server->epoll < 0)
		die("epoll_create1");
	listener = listen_anywhere();
	if (epoll_ctl(server->epoll, EPOLL_CTL_ADD, listener, &event) != 0)
		die("epoll_ctl");
	for (;;) {
		int ready = epoll_wait(server->epoll, events, EVENTS, -1);

		if (ready < 0 && errno != EINTR)
			die("epoll_wait");
		for (int i = 0; i < ready; i++) {
			struct peer *peer = events[i].data.ptr;

			if (peer == NULL) {
				accept_all(server, listener);
			} else if (!server->serve(server, peer)) {
				if (close(peer->fd) != 0)
					die("close");
				free(peer);
			}
		}
	}
}

void serve_sink(uint64_t bytes)
{
	struct server server = { .serve = sink, .bytes = bytes };

	run(&server);
}

void serve_source(uint64_t bytes)
{
	struct server server = { .serve = source, .bytes = bytes };

	run(&server);
}

void serve_echo(void)
{
	struct server server = { .serve = echo };

	run(&server);
}
