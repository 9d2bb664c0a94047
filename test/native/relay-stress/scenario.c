/* A relay between two peers, its transport and what shall happen to it drawn at random. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "stress.h"

#define PROTOCOL_MPTCP 262

static void make_nonblocking(int fd)
{
	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0)
		die("fcntl: %s", strerror(errno));
}

static void connect_pair(int protocol, int pair[2])
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof address;
	int listener = socket(AF_INET, SOCK_STREAM, protocol);
	if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
	    listen(listener, 1) != 0 || getsockname(listener, (struct sockaddr *)&address, &length) != 0)
		die("listener: %s", strerror(errno));
	pair[0] = socket(AF_INET, SOCK_STREAM, protocol);
	if (pair[0] < 0 || connect(pair[0], (struct sockaddr *)&address, sizeof address) != 0)
		die("connect: %s", strerror(errno));
	pair[1] = accept(listener, NULL, NULL);
	if (pair[1] < 0)
		die("accept: %s", strerror(errno));
	(void)close(listener);
}

/* A connected pair: [ours, the engine's]. Small buffers on some, so that backlogs form. */
void make_pair(enum transport transport, int side, int pair[2])
{
	if (transport == UNIX_COPY || transport == UNIX_SPLICE) {
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
			die("socketpair: %s", strerror(errno));
	} else {
		connect_pair(transport == MPTCP_COPY && side == 0 ? PROTOCOL_MPTCP : 0, pair);
	}
	int small = 16384;
	if (below(3) == 0 && (setsockopt(pair[0], SOL_SOCKET, SO_RCVBUF, &small, sizeof small) != 0 ||
	                      setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof small) != 0))
		die("buffer sizes: %s", strerror(errno));
	make_nonblocking(pair[0]);
	make_nonblocking(pair[1]);
}

static size_t some_length(void)
{
	static const uint32_t limits[] = { 2, 300, 20000, 200000, 3000000 };
	return below(limits[below(5)]);
}

static void plan_ends(struct scenario *scenario)
{
	struct peer *peer = scenario->peer;
	size_t least = peer[0].to_send < peer[1].to_send ? peer[0].to_send : peer[1].to_send;
	scenario->abort_at = scenario->plan == ABORTED ? below((uint32_t)least + 1) : SIZE_MAX;
	if (scenario->plan == PEER_RESETS) {
		struct peer *who = &peer[below(2)];
		who->to_send++;
		who->reset_at = below((uint32_t)who->to_send);
	}
	/* One byte that never comes keeps the relay open until its idle timeout. */
	if (scenario->plan == IDLE_OUT)
		peer[below(2)].mute = true;
}

/* --- what is learnt of a side: its descriptor, in memory that a leak checker sees --- */

static void *take_descriptor(int fd)
{
	int *copy = malloc(sizeof *copy);
	if (copy != NULL)
		*copy = fd;
	return copy;
}

static const struct relay_witness descriptor_witness = { .take = take_descriptor, .drop = free };

void open_scenario(struct relay_engine *engine, struct scenario *scenario)
{
	static const enum plan odds[] = { CLEAN, CLEAN, CLEAN, PEER_RESETS, PEER_RESETS, ABORTED, IDLE_OUT };
	*scenario = (struct scenario){ .used = true };
	scenario->plan = odds[below(sizeof odds / sizeof odds[0])];
	scenario->transport = (enum transport)below(TRANSPORTS);
	/* A Unix socket has no reset to send. */
	if (scenario->plan == PEER_RESETS && scenario->transport >= UNIX_COPY)
		scenario->transport = (enum transport)below(UNIX_COPY);
	for (int i = 0; i < 2; i++) {
		int pair[2];
		make_pair(scenario->transport, i, pair);
		scenario->peer[i] = (struct peer){ .fd = pair[0], .key = below(1u << 30), .to_send = some_length(),
			                           .reset_at = SIZE_MAX, .slow = below(4) == 0 };
		scenario->inner[i] = pair[1];
	}
	plan_ends(scenario);
	struct peer *first = &scenario->peer[0];
	scenario->head = first->reset_at == SIZE_MAX ? below((uint32_t)first->to_send + 1) / 2 : 0;
	uint8_t *head = malloc(scenario->head + 1);
	for (size_t i = 0; i < scenario->head; i++)
		head[i] = pattern(first->key, i);
	first->sent = scenario->head;
	for (int i = 0; i < 2; i++)
		scenario->peer[i].expected = scenario->peer[1 - i].to_send;
	struct relay_options options = {
		.witness = { &descriptor_witness, below(2) ? &descriptor_witness : NULL },
		.splice = scenario->transport == TCP_SPLICE || scenario->transport == UNIX_SPLICE,
		.idle_timeout = scenario->plan == IDLE_OUT ? 20 + below(60) : 0,
		/* Longer than any scenario takes: they are watched for, and end none. */
		.half_closed_timeout = 1000 * 3600,
		.stall_timeout = 1000 * 3600,
		.head = head,
		.head_length = scenario->head,
		.user = scenario,
	};
	int err = relay_start(engine, scenario->inner[0], scenario->inner[1], &options, &scenario->relay);
	if (err != 0)
		die("relay_start: %s", strerror(err));
	free(head);
	if (scenario->abort_at == 0)
		relay_abort(scenario->relay);
}
