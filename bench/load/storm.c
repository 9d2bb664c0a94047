/*
 * Many short connections, a fixed number at a time, one epoll thread: connect, SOCKS5
 * handshake, one byte to the echo and back, close. And connections that are only held.
 */
#define _GNU_SOURCE
#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* Without any event for so long, the connections still open count as failures, milliseconds. */
enum { STALL = 20000, EVENTS = 256 };

enum step { METHOD, REPLY, ECHOED };

struct slot {
	int fd;
	unsigned nth;
	enum step step;
	size_t got;
	uint8_t in[SOCKS_REPLY];
	double start;
};

struct storm {
	const struct target *target;
	int epoll;
	unsigned count, started, finished, failures, active;
	double *times;
	struct slot *slots;
	/* The first failure, said once: a rate means nothing without knowing why it failed. */
	const char *what;
	int error;
};

static void ask(struct slot *slot, const struct storm *storm)
{
	uint8_t out[SOCKS_REQUEST];
	size_t length = 1;

	out[0] = 'x';
	if (slot->step == METHOD) {
		socks_greeting(out);
		length = SOCKS_GREETING;
	} else if (slot->step == REPLY) {
		socks_request(storm->target, slot->nth, out);
		length = SOCKS_REQUEST;
	}
	slot->got = 0;
	/* a few bytes always fit an empty send buffer; an error shows as end or error of the next read */
	if (send(slot->fd, out, length, MSG_NOSIGNAL) < 0)
		fprintf(stderr, "load: send: %s\n", strerror(errno));
}

static void failed(struct storm *storm, const char *failure, int error)
{
	if (storm->failures++ > 0)
		return;
	storm->what = failure;
	storm->error = error;
}

/* Takes the next connection of the count into the slot; one that fails at once gives way to the one after. */
static void start_next(struct storm *storm, struct slot *slot)
{
	const struct target *target = storm->target;
	struct epoll_event event = { .events = EPOLLOUT, .data.ptr = slot };

	while (storm->started < storm->count) {
		slot->nth = storm->started++;
		slot->step = target->socks ? METHOD : ECHOED;
		slot->start = now();
		slot->fd = client_socket(target, slot->nth, SOCK_NONBLOCK);
		if (slot->fd < 0)
			die("socket");
		if (connect(slot->fd, (const struct sockaddr *)&target->via, sizeof target->via) == 0 ||
		    errno == EINPROGRESS) {
			if (epoll_ctl(storm->epoll, EPOLL_CTL_ADD, slot->fd, &event) != 0)
				die("epoll_ctl");
			storm->active++;
			return;
		}
		failed(storm, "connect", errno);
		if (close(slot->fd) != 0)
			die("close");
	}
}

/* Ends the slot's connection, well when `failure` is NULL, and starts another. */
static void finish(struct storm *storm, struct slot *slot, const char *failure, int error)
{
	if (failure != NULL) {
		failed(storm, failure, error);
	} else {
		/* once is enough: the transport is a property of the proxy, not of the connection */
		if (storm->finished == 0)
			check_transport(slot->fd, storm->target);
		storm->times[storm->finished++] = now() - slot->start;
	}
	if (close(slot->fd) != 0)
		die("close");
	storm->active--;
	start_next(storm, slot);
}

static size_t expected(const struct slot *slot)
{
	return slot->step == METHOD ? SOCKS_METHOD : slot->step == REPLY ? SOCKS_REPLY : 1;
}

static void connected(struct storm *storm, struct slot *slot)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = slot };
	int error = 0;
	socklen_t length = sizeof error;

	if (getsockopt(slot->fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0)
		die("SO_ERROR");
	if (error != 0) {
		finish(storm, slot, "connect", error);
		return;
	}
	if (epoll_ctl(storm->epoll, EPOLL_CTL_MOD, slot->fd, &event) != 0)
		die("epoll_ctl");
	ask(slot, storm);
}

static void readable(struct storm *storm, struct slot *slot)
{
	ssize_t got = recv(slot->fd, slot->in + slot->got, expected(slot) - slot->got, 0);

	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0) {
		finish(storm, slot, "closed before the answer", got < 0 ? errno : 0);
		return;
	}
	slot->got += (size_t)got;
	if (slot->got < expected(slot))
		return;
	if (slot->step == METHOD && !socks_method_ok(slot->in)) {
		finish(storm, slot, "authentication wanted", 0);
	} else if (slot->step == REPLY && !socks_reply_ok(slot->in)) {
		finish(storm, slot, "refused by the SOCKS5 server", 0);
	} else if (slot->step == ECHOED) {
		finish(storm, slot, slot->in[0] == 'x' ? NULL : "wrong byte echoed", 0);
	} else {
		slot->step = slot->step == METHOD ? REPLY : ECHOED;
		ask(slot, storm);
	}
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void report(struct storm *storm, double seconds)
{
	unsigned n = storm->finished;
	double p50, p99;

	qsort(storm->times, n, sizeof *storm->times, by_value);
	p50 = n > 0 ? storm->times[n / 2] : 0;
	p99 = n > 0 ? storm->times[(unsigned)((double)n * 0.99)] : 0;
	printf("{\"connections\":%u,\"failures\":%u,\"seconds\":%.6f,\"p50\":%.6f,\"p99\":%.6f,\"failure\":\"%s%s%s\"}\n",
	       n, storm->failures, seconds, p50, p99, storm->what != NULL ? storm->what : "",
	       storm->error != 0 ? ": " : "", storm->error != 0 ? strerror(storm->error) : "");
}

void run_storm(const struct target *target, unsigned count, unsigned parallel)
{
	struct storm storm = { .target = target, .count = count };
	struct epoll_event events[EVENTS];
	double start = now();

	raise_descriptor_limit();
	storm.epoll = epoll_create1(EPOLL_CLOEXEC);
	storm.times = calloc(count, sizeof *storm.times);
	storm.slots = calloc(parallel, sizeof *storm.slots);
	if (storm.epoll < 0 || storm.times == NULL || storm.slots == NULL)
		die("storm");
	for (unsigned i = 0; i < parallel; i++)
		start_next(&storm, &storm.slots[i]);
	while (storm.active > 0) {
		int ready = epoll_wait(storm.epoll, events, EVENTS, STALL);

		if (ready < 0 && errno != EINTR)
			die("epoll_wait");
		if (ready == 0) {
			storm.failures += storm.active;
			storm.what = storm.what != NULL ? storm.what : "no progress";
			break;
		}
		for (int i = 0; i < ready; i++) {
			struct slot *slot = events[i].data.ptr;

			if (events[i].events & EPOLLOUT)
				connected(&storm, slot);
			else
				readable(&storm, slot);
		}
	}
	report(&storm, now() - start);
	free(storm.times);
	free(storm.slots);
}

/* One byte to the echo and back proves that the connection is relayed end to end. */
static void hold_one(const struct target *target, unsigned nth)
{
	int fd = open_session(target, nth);
	char byte = 'x';

	send_all(fd, &byte, 1);
	recv_all(fd, &byte, 1);
}

/* Opens connections up to each step's number; says so and waits for a line on stdin. Exit closes all. */
void run_hold(const struct target *target, char *steps)
{
	unsigned open = 0;
	char *rest = NULL, line[16];

	raise_descriptor_limit();
	for (char *step = strtok_r(steps, ",", &rest); step != NULL; step = strtok_r(NULL, ",", &rest)) {
		for (unsigned goal = (unsigned)parse_number(step, 60000); open < goal; open++)
			hold_one(target, open);
		if (printf("%u\n", open) < 0 || fflush(stdout) != 0)
			die("stdout");
		if (fgets(line, sizeof line, stdin) == NULL)
			return;
	}
}
