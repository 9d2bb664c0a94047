/*
 * Relays that have gone too long without progress. There are three timers:
 *
 * - idle: no byte moved in either direction.
 * - half-closed: the same, where one side has ended its stream already.
 * - stalled: a sink takes nothing of what it is owed, and its source has ended: nobody is left
 *   who would withdraw what fills the kernel's buffers. While memory is short, or its client is
 *   one that takes too much of it, it runs for every sink that is owed something; else a reader
 *   who pauses with both sides alive is no fault.
 *
 * Activity only moves a deadline outwards, so nothing is touched per byte: a scan ends what is
 * overdue and finds the nearest deadline. Scans keep a distance that suits the shortest
 * timeout, so that many relays with near deadlines do not cost a scan each.
 *
 * A slow reader may leave a full send buffer unwritable for minutes and read on all the same:
 * relays that one of the last two timers may end are looked at four times as often as it runs,
 * and a send queue (SIOCOUTQ) that has changed since the last look is progress.
 *
 * An MPTCP side whose subflows are all gone is left to the kernel, which waits
 * net.mptcp.close_timeout for the peer to join again and then hangs up.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <linux/sockios.h>

#include "relay_internal.h"

#define NEVER UINT64_MAX
/* Looks per timeout. */
#define LOOKS 4
/* Bounds of the pause between two scans, milliseconds. */
#define SCAN_MIN 10u
#define SCAN_MAX 1000u

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Bytes that the peer has not acknowledged, our end of stream included; 0 where the kernel does not say. */
static uint32_t send_queue(int fd)
{
	int bytes = 0;
	return ioctl(fd, SIOCOUTQ, &bytes) == 0 && bytes > 0 ? (uint32_t)bytes : 0;
}

/* --- what is known of a relay ------------------------------------------ */

static bool has_ended_side(const struct relay *relay)
{
	return relay->direction[0].ended_at != 0 || relay->direction[1].ended_at != 0;
}

/* Whether its sinks are held to the stall timer though their sources are there. */
static bool is_hurried(const struct relay *relay)
{
	return relay->thread->memory_short || atomic_load_explicit(&relay->hurried, memory_order_relaxed);
}

static bool is_watched(const struct relay *relay)
{
	bool blocked = relay->direction[0].blocked_since != 0 || relay->direction[1].blocked_since != 0;
	return has_ended_side(relay) || (is_hurried(relay) && blocked);
}

/* Whether the sink of direction d has not taken what it is owed. */
static bool owes(const struct relay *relay, int d)
{
	const struct relay_direction *direction = &relay->direction[d];
	return direction->blocked_since != 0 || (direction->finished && relay->socket[1 - d].queued > 0);
}

/* The shortest timeout that may end a watched relay; 0 when there is none. */
static uint64_t watched_timeout(const struct relay *relay)
{
	uint64_t half = relay->half_closed_timeout, stall = relay->stall_timeout;
	return half == 0 || (stall > 0 && stall < half) ? stall : half;
}

/* --- deadlines --------------------------------------------------------- */

static uint64_t look_pause(const struct relay *relay)
{
	return later(watched_timeout(relay) / LOOKS, 1);
}

static uint64_t stall_deadline(const struct relay *relay, int d)
{
	const struct relay_direction *direction = &relay->direction[d];
	bool hurried = is_hurried(relay);
	if (relay->stall_timeout == 0 || !owes(relay, d) || (direction->ended_at == 0 && !hurried))
		return NEVER;
	uint64_t since = later(direction->blocked_since, relay->socket[1 - d].drained_at);
	if (direction->finished || !hurried)
		since = later(since, direction->ended_at);
	/* Memory may have become short long after the sink stalled: nobody is judged by one look. */
	return later(since + relay->stall_timeout, relay->watched_since + look_pause(relay));
}

static uint64_t quiet_since(const struct relay *relay)
{
	return later(relay->last_activity, later(relay->socket[0].drained_at, relay->socket[1].drained_at));
}

static uint64_t half_closed_deadline(const struct relay *relay)
{
	if (relay->half_closed_timeout == 0 || !has_ended_side(relay))
		return NEVER;
	uint64_t ended_at = later(relay->direction[0].ended_at, relay->direction[1].ended_at);
	return later(quiet_since(relay), ended_at) + relay->half_closed_timeout;
}

static uint64_t idle_deadline(const struct relay *relay)
{
	return relay->idle_timeout == 0 ? NEVER : quiet_since(relay) + relay->idle_timeout;
}

/* No look is due where nothing is owed: what would it show? */
static uint64_t look_due(const struct relay *relay)
{
	bool due = relay->watched_since != 0 && watched_timeout(relay) > 0 && (owes(relay, 0) || owes(relay, 1));
	return due ? relay->looked_at + look_pause(relay) : NEVER;
}

static uint64_t next_due(const struct relay *relay)
{
	uint64_t stalled = earlier(stall_deadline(relay, 0), stall_deadline(relay, 1));
	return earlier(earlier(look_due(relay), stalled),
	               earlier(half_closed_deadline(relay), idle_deadline(relay)));
}

/* --- looks ------------------------------------------------------------- */

static void look(struct relay *relay)
{
	uint64_t now = relay->thread->now;
	for (int side = 0; side < 2; side++) {
		struct relay_socket *socket = &relay->socket[side];
		uint32_t queued = send_queue(socket->fd);
		if (relay->watched_since != 0 && queued != socket->queued)
			socket->drained_at = now;
		socket->queued = queued;
	}
	relay->looked_at = now;
}

static void watch(struct relay *relay)
{
	if (!is_watched(relay)) {
		relay->watched_since = 0;
		return;
	}
	if (relay->watched_since == 0) {
		look(relay);
		relay->watched_since = relay->thread->now;
	} else if (relay->thread->now >= relay->looked_at + look_pause(relay)) {
		look(relay);
	}
}

static void scan_when_due(const struct relay *relay)
{
	relay->thread->next_scan = earlier(relay->thread->next_scan, next_due(relay));
}

void relay_timers_begin(struct relay *relay)
{
	relay->last_activity = relay->thread->now;
	scan_when_due(relay);
}

void relay_timers_after_turn(struct relay *relay)
{
	/* What only the idle timer may end has its scan: bytes move that deadline outwards. */
	if (!is_watched(relay))
		return;
	watch(relay);
	scan_when_due(relay);
}

/* --- scans ------------------------------------------------------------- */

/* True when it has been ended. */
static bool end_overdue(struct relay *relay)
{
	uint64_t now = relay->thread->now;
	for (int d = 0; d < 2; d++) {
		if (now >= stall_deadline(relay, d)) {
			relay_end(relay, RELAY_STALLED, 1 - d, 0);
			return true;
		}
	}
	if (now >= half_closed_deadline(relay))
		relay_end(relay, RELAY_HALF_CLOSED, -1, 0);
	else if (now >= idle_deadline(relay))
		relay_end(relay, RELAY_TIMEOUT, -1, 0);
	return relay->ended;
}

static uint64_t shortest_timeout(const struct relay *relay)
{
	uint64_t idle = relay->idle_timeout > 0 ? relay->idle_timeout : NEVER;
	uint64_t watched = is_watched(relay) && watched_timeout(relay) > 0 ? watched_timeout(relay) : NEVER;
	return earlier(idle, watched);
}

void relay_timers_scan(struct relay_thread *thread)
{
	uint64_t nearest = NEVER, shortest = NEVER;
	for (struct relay *relay = LIST_FIRST(&thread->all), *next; relay != NULL; relay = next) {
		next = LIST_NEXT(relay, all);
		watch(relay);
		if (end_overdue(relay))
			continue;
		nearest = earlier(nearest, next_due(relay));
		shortest = earlier(shortest, shortest_timeout(relay));
	}
	uint64_t pause = later(SCAN_MIN, earlier(SCAN_MAX, shortest / 16));
	thread->next_scan = nearest == NEVER ? NEVER : later(nearest, thread->now + pause);
}

/* --- after the end ----------------------------------------------------- */

void relay_timers_bound_close(const struct relay *relay)
{
	unsigned limit = relay->stall_timeout > INT32_MAX ? INT32_MAX : (unsigned)relay->stall_timeout;
	if (limit == 0)
		return;
	for (int side = 0; side < 2; side++) {
		int fd = relay->socket[side].fd;
		/* MPTCP refuses it and has net.mptcp.close_timeout for this. */
		if (send_queue(fd) > 0)
			(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &limit, sizeof limit);
	}
}
