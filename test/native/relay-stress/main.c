/*
 * Stand-alone stress of the relay engine, built with the sanitizers by relay-stress.test.ts:
 *
 *     relay-stress SEED COUNT
 *
 * Runs COUNT relays, some tens at a time, between peers that send a pattern, half-close,
 * read slowly, send urgent data, reset or are aborted at random points, and checks every
 * byte, how each relay ended, what each peer saw, and that no descriptor is left.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "stress.h"

/*
 * Milliseconds without any event after which something hangs. More than a minute: an MPTCP socket
 * with a full receive queue may miss the MP_FASTCLOSE of a reset, and then learns of the end by
 * net.mptcp.close_timeout (60 s) only.
 */
enum { QUIET_LIMIT = 90000 };
enum { AT_ONCE = 48 };

static struct scenario scenarios[AT_ONCE];
static struct relay_engine *engine;
static int woken;
static unsigned finished[PLANS];

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
	if (below(16) == 0)
		relay_engine_memory_short(engine, below(2) == 0);
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
				open_scenario(engine, &scenarios[i]);
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
	random_seed(strtoull(arguments[1], NULL, 10));
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
