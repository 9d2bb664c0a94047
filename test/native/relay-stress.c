/*
 * Stand-alone stress of the relay engine, built with the sanitizers by relay-stress.test.ts:
 *
 *     relay-stress SEED COUNT
 *
 * Runs COUNT relays, some tens at a time, between peers that send a pattern, half-close,
 * read slowly, send urgent data, reset or are aborted at random points, and checks every
 * byte, how each relay ended, what each peer saw, and that no descriptor is left.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../native/relay.h"

#define PROTOCOL_MPTCP 262
/*
 * Milliseconds without any event after which something hangs. More than a minute: an MPTCP socket
 * with a full receive queue may miss the MP_FASTCLOSE of a reset, and then learns of the end by
 * net.mptcp.close_timeout (60 s) only.
 */
enum { QUIET_LIMIT = 90000 };
enum { AT_ONCE = 48, CHUNK = 96 * 1024 };

enum plan { CLEAN, PEER_RESETS, ABORTED, IDLE_OUT, PLANS };
enum transport { TCP_SPLICE, TCP_COPY, MPTCP_COPY, UNIX_COPY, UNIX_SPLICE, TRANSPORTS };

/* One end of a relayed connection, on our side of it. */
struct peer {
	int fd;
	uint32_t key; /* of the pattern it sends */
	size_t to_send, sent, received, expected;
	size_t reset_at; /* closes with a reset once so much is sent; SIZE_MAX is never */
	bool shut, ended, failed, slow, mute;
};

struct scenario {
	enum plan plan;
	enum transport transport;
	struct peer peer[2];
	int inner[2]; /* the engine's descriptors */
	struct relay *relay;
	size_t abort_at;
	size_t head;
	bool relay_done;
	bool used;
};

static struct scenario scenarios[AT_ONCE];
static struct relay_engine *engine;
static int woken;
static uint64_t state;
static unsigned finished[PLANS];

static void __attribute__((format(printf, 1, 2), noreturn)) die(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	(void)vfprintf(stderr, format, arguments);
	va_end(arguments);
	(void)fputc('\n', stderr);
	exit(1);
}

static uint32_t below(uint32_t limit)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((state >> 33) % limit);
}

static uint8_t pattern(uint32_t key, size_t offset)
{
	uint64_t x = (offset + key) * 0x9E3779B97F4A7C15u;
	return (uint8_t)(x >> 56);
}

static size_t descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	size_t count = 0;
	if (directory == NULL)
		die("/proc/self/fd: %s", strerror(errno));
	while (readdir(directory) != NULL)
		count++;
	(void)closedir(directory);
	return count;
}

/* --- setting up -------------------------------------------------------- */

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
static void make_pair(enum transport transport, int side, int pair[2])
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

static void open_scenario(struct scenario *scenario)
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

/* --- the peers --------------------------------------------------------- */

static void peer_close(struct peer *peer)
{
	if (peer->fd >= 0)
		(void)close(peer->fd);
	peer->fd = -1;
}

static void peer_failed(const struct scenario *scenario, struct peer *peer, const char *call)
{
	if (errno == EAGAIN)
		return;
	if (scenario->plan == CLEAN)
		die("%s on an undisturbed connection: %s", call, strerror(errno));
	peer->failed = true;
}

static void peer_reset(struct peer *peer)
{
	const struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	if (setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset) != 0)
		die("SO_LINGER: %s", strerror(errno));
	peer_close(peer);
}

static void peer_send(struct scenario *scenario, struct peer *peer)
{
	static uint8_t buffer[CHUNK];
	size_t end = peer->reset_at < peer->to_send ? peer->reset_at : peer->to_send;
	size_t length = 1 + below(CHUNK);
	if (length > end - peer->sent)
		length = end - peer->sent;
	for (size_t i = 0; i < length; i++)
		buffer[i] = pattern(peer->key, peer->sent + i);
	int urgent = scenario->transport <= TCP_COPY && below(50) == 0 ? MSG_OOB : 0;
	ssize_t n = length == 0 ? 0 : send(peer->fd, buffer, length, MSG_NOSIGNAL | urgent);
	if (n < 0) {
		peer_failed(scenario, peer, "send");
		return;
	}
	peer->sent += (size_t)n;
	if (peer->sent == peer->reset_at) {
		peer_reset(peer);
	} else if (peer->sent == peer->to_send && !peer->mute) {
		if (shutdown(peer->fd, SHUT_WR) != 0)
			peer_failed(scenario, peer, "shutdown");
		peer->shut = true;
	}
}

static void peer_receive(struct scenario *scenario, struct peer *peer, uint32_t key)
{
	static uint8_t buffer[CHUNK];
	ssize_t n = recv(peer->fd, buffer, peer->slow ? 1 + below(3000) : 1 + below(CHUNK), 0);
	if (n < 0) {
		peer_failed(scenario, peer, "recv");
		return;
	}
	for (ssize_t i = 0; i < n; i++)
		if (buffer[i] != pattern(key, peer->received + (size_t)i))
			die("wrong byte at %zu", peer->received + (size_t)i);
	peer->received += (size_t)n;
	if (peer->received >= scenario->abort_at)
		relay_abort(scenario->relay);
	if (n > 0)
		return;
	peer->ended = true;
	/* A cut must not look like an end; only Unix sockets cannot tell the difference. */
	bool may_lie = scenario->transport >= UNIX_COPY && scenario->plan != CLEAN;
	if (peer->received != peer->expected && !may_lie)
		die("plan %d on transport %d: end of stream after %zu of %zu bytes", (int)scenario->plan,
		    (int)scenario->transport, peer->received, peer->expected);
}

static short peer_interest(const struct peer *peer)
{
	bool sending = !peer->shut && !peer->failed && !(peer->mute && peer->sent == peer->to_send);
	bool receiving = !peer->ended && !peer->failed;
	return (short)((sending ? POLLOUT : 0) | (receiving ? POLLIN : 0));
}

/* --- checking ---------------------------------------------------------- */

/* Our byte counts against what the peers saw; a reset may lose what was on its way. */
static void check_counts(const struct scenario *scenario, const struct relay_result *result)
{
	const struct peer *peer = scenario->peer;
	if (result->cause == RELAY_EOF && (result->up != peer[0].to_send || result->down != peer[1].to_send))
		die("counted %ju and %ju of %zu and %zu", (uintmax_t)result->up, (uintmax_t)result->down,
		    peer[0].to_send, peer[1].to_send);
	if (result->up > peer[0].sent || result->down > peer[1].sent)
		die("counted more than was sent");
	if (peer[1].received > result->up || peer[0].received > result->down)
		die("counted less than was received");
}

static void check_cause(const struct scenario *scenario, const struct relay_result *result)
{
	static const enum relay_cause causes[] = { RELAY_EOF, RELAY_RESET, RELAY_ABORTED, RELAY_TIMEOUT };
	/* An abort may come too late. */
	if (scenario->plan == ABORTED && result->cause == RELAY_EOF)
		return;
	if (result->cause != causes[scenario->plan])
		die("plan %d on transport %d ended with cause %d (side %d, %s)", (int)scenario->plan,
		    (int)scenario->transport, (int)result->cause, result->side, strerror(result->error));
	if (result->cause != RELAY_RESET)
		return;
	int who = scenario->peer[0].reset_at != SIZE_MAX ? 0 : 1;
	bool missed = scenario->transport == MPTCP_COPY && result->error == ENOTCONN;
	if (result->side != who || (result->error != ECONNRESET && result->error != EPIPE && !missed))
		die("reset by %d reported as %d, %s", who, result->side, strerror(result->error));
}

/* A clean end has asked the witness of each side; no other descriptor is ever spoken of. */
static void check_testimony(const struct scenario *scenario, const struct relay *relay, enum relay_cause cause)
{
	const int *a = relay_testimony(relay, 0), *b = relay_testimony(relay, 1);
	if (cause == RELAY_EOF && a == NULL)
		die("a relay ended cleanly without a word about its first side");
	if ((a != NULL && *a != scenario->inner[0]) || (b != NULL && *b != scenario->inner[1]))
		die("a witness was asked about another descriptor");
}

static void relay_finished(struct relay *relay)
{
	struct scenario *scenario = relay_user(relay);
	struct relay_result result = relay_result(relay);
	check_cause(scenario, &result);
	check_counts(scenario, &result);
	check_testimony(scenario, relay, result.cause);
	relay_abort(relay);
	for (int i = 0; i < 2; i++)
		(void)close(scenario->inner[i]);
	scenario->relay_done = true;
	relay_unref(relay);
}

/* Over when the relay has ended and both peers have seen their end of it. */
static bool scenario_over(struct scenario *scenario)
{
	if (!scenario->relay_done)
		return false;
	/* An MPTCP peer may have missed the MP_FASTCLOSE, see QUIET_LIMIT: not waited for. */
	bool may_not_know = scenario->transport == MPTCP_COPY && scenario->plan != CLEAN;
	for (int i = 0; i < 2 && !may_not_know; i++) {
		const struct peer *peer = &scenario->peer[i];
		if (peer->fd >= 0 && !peer->failed && !(peer->ended && (peer->shut || peer->mute)))
			return false;
	}
	for (int i = 0; i < 2; i++)
		peer_close(&scenario->peer[i]);
	relay_unref(scenario->relay);
	finished[scenario->plan]++;
	scenario->used = false;
	return true;
}

/* --- running ----------------------------------------------------------- */

static void notify(void *user)
{
	(void)user;
	if (write(woken, &(uint64_t){ 1 }, sizeof(uint64_t)) != sizeof(uint64_t))
		die("eventfd: %s", strerror(errno));
}

static void collect(void)
{
	uint64_t count;
	if (read(woken, &count, sizeof count) < 0 && errno != EAGAIN)
		die("eventfd: %s", strerror(errno));
	for (struct relay *relay = relay_engine_collect(engine), *next; relay != NULL; relay = next) {
		next = relay_next(relay);
		relay_finished(relay);
	}
}

static void show_open(void)
{
	for (int i = 0; i < AT_ONCE; i++) {
		const struct scenario *scenario = &scenarios[i];
		uint64_t up, down;
		if (!scenario->used)
			continue;
		relay_bytes(scenario->relay, &up, &down);
		(void)fprintf(stderr, "plan %d transport %d done %d relayed %ju %ju\n", (int)scenario->plan,
		              (int)scenario->transport, scenario->relay_done, (uintmax_t)up, (uintmax_t)down);
		for (int side = 0; side < 2; side++) {
			const struct peer *peer = &scenario->peer[side];
			(void)fprintf(stderr, "  sent %zu of %zu, received %zu of %zu, shut %d ended %d failed %d mute %d\n",
			              peer->sent, peer->to_send, peer->received, peer->expected, peer->shut, peer->ended,
			              peer->failed, peer->mute);
		}
	}
}

static void turn(void)
{
	relay_engine_flush(engine);
	struct pollfd polled[2 * AT_ONCE + 1] = { { .fd = woken, .events = POLLIN } };
	for (int i = 0; i < AT_ONCE; i++)
		for (int side = 0; side < 2; side++) {
			const struct peer *peer = &scenarios[i].peer[side];
			short interest = scenarios[i].used ? peer_interest(peer) : 0;
			polled[1 + 2 * i + side] = (struct pollfd){ .fd = interest ? peer->fd : -1, .events = interest };
		}
	int ready = poll(polled, 2 * AT_ONCE + 1, QUIET_LIMIT);
	if (ready <= 0)
		show_open();
	if (ready <= 0)
		die("nothing moves: %s", ready == 0 ? "time is up" : strerror(errno));
	for (int i = 0; i < 2 * AT_ONCE; i++) {
		struct scenario *scenario = &scenarios[i / 2];
		struct peer *peer = &scenario->peer[i % 2];
		short events = polled[1 + i].revents;
		if (peer->fd >= 0 && (events & (POLLIN | POLLERR | POLLHUP)) && !peer->ended)
			peer_receive(scenario, peer, scenario->peer[1 - i % 2].key);
		if (peer->fd >= 0 && (events & POLLOUT) && (peer_interest(peer) & POLLOUT))
			peer_send(scenario, peer);
		else if ((events & (POLLERR | POLLHUP)) && peer->ended)
			peer->failed = true;
	}
	if (polled[0].revents)
		collect();
}

static void run(unsigned count)
{
	unsigned started = 0, running = 0;
	while (started < count || running > 0) {
		for (int i = 0; i < AT_ONCE; i++) {
			if (scenarios[i].used && scenario_over(&scenarios[i]))
				running--;
			if (!scenarios[i].used && started < count) {
				open_scenario(&scenarios[i]);
				started++;
				running++;
			}
		}
		if (running > 0)
			turn();
	}
}

/* Stops an engine with relays open: every one comes back as aborted. */
static void stop_with_open_relays(void)
{
	struct relay *relays[AT_ONCE];
	int pairs[AT_ONCE][4];
	unsigned back = 0;
	for (int i = 0; i < AT_ONCE; i++) {
		make_pair(TCP_SPLICE, 0, pairs[i]);
		make_pair(TCP_SPLICE, 1, pairs[i] + 2);
		struct relay_options options = { .splice = true };
		if (relay_start(engine, pairs[i][1], pairs[i][3], &options, &relays[i]) != 0)
			die("relay_start failed");
	}
	relay_engine_stop(engine);
	for (struct relay *relay = relay_engine_collect(engine), *next; relay != NULL; relay = next) {
		next = relay_next(relay);
		if (relay_result(relay).cause != RELAY_ABORTED)
			die("stop ended a relay with cause %d", (int)relay_result(relay).cause);
		relay_unref(relay);
		back++;
	}
	if (back != AT_ONCE)
		die("%u of %d relays came back", back, AT_ONCE);
	relay_engine_free(engine);
	for (int i = 0; i < AT_ONCE; i++) {
		relay_abort(relays[i]);
		relay_unref(relays[i]);
		for (int j = 0; j < 4; j++)
			(void)close(pairs[i][j]);
	}
}

int main(int count, char **arguments)
{
	if (count != 3)
		die("usage: relay-stress SEED COUNT");
	state = strtoull(arguments[1], NULL, 10);
	size_t before = descriptors();
	woken = eventfd(0, EFD_NONBLOCK);
	if (woken < 0 || relay_engine_create(&engine, 3, notify, NULL) != 0)
		die("engine: %s", strerror(errno));
	run((unsigned)strtoul(arguments[2], NULL, 10));
	stop_with_open_relays();
	(void)close(woken);
	if (descriptors() != before)
		die("%zu descriptors before, %zu after", before, descriptors());
	(void)printf("clean %u reset %u aborted %u timeout %u\n", finished[CLEAN], finished[PEER_RESETS],
	             finished[ABORTED], finished[IDLE_OUT]);
	return 0;
}
