/*
 * Moving bytes: a relay's turn, which takes each direction as far as it goes.
 *
 * Copy: recv into the thread's buffer, send from it, and only what the sink does not take
 * is kept for later. Splice: through a pipe, without touching the bytes. Splice is for TCP on
 * both sides (from and to MPTCP sockets the kernel copies anyway) and for bulk: a small
 * message costs less copied, so a direction begins by copying and changes over when the
 * source keeps up large reads.
 *
 * How much is read at once follows the sink: each time it does not take all, half as much is
 * read the next time; each time it does, twice as much. So slow sinks hold little memory.
 *
 * A reset of one side discards what the other has not been handed yet; what arrived before
 * the reset is still read and handed on as far as the sink takes it at once.
 */
#include <errno.h>
#include <sys/socket.h>

#include "relay_flow.h"

/* What one direction may move per turn, so that a fast connection does not keep the others waiting. */
#define BUDGET (1024u * 1024)

#define COPY_QUOTA_MIN (16u * 1024)
#define SPLICE_QUOTA_MIN (64u * 1024)

/* --- shared by both ways of moving bytes ------------------------------- */

enum step flow_fail(const struct flow *flow, int side, int error)
{
	relay_end(flow->relay, RELAY_RESET, side, error);
	return ENDED;
}

/* The sink has taken something, or is owed nothing any more. */
static void flow_unblocked(struct relay_direction *direction)
{
	if (direction->blocked_since == 0)
		return;
	direction->blocked_since = 0;
	atomic_store_explicit(&direction->blocked, false, memory_order_relaxed);
}

void flow_delivered(struct flow *flow, size_t length)
{
	/* Only this thread writes it: a load and a store, no locked instruction. */
	uint64_t total = atomic_load_explicit(&flow->direction->delivered, memory_order_relaxed);
	atomic_store_explicit(&flow->direction->delivered, total + length, memory_order_relaxed);
	flow->relay->last_activity = flow->thread->now;
	flow_unblocked(flow->direction);
	flow->budget -= length < flow->budget ? length : flow->budget;
}

void flow_adapt(struct relay_direction *direction, bool all_taken)
{
	uint32_t most = direction->bulk ? RELAY_PIPE : RELAY_BUFFER;
	uint32_t least = direction->bulk ? SPLICE_QUOTA_MIN : COPY_QUOTA_MIN;
	uint32_t quota = all_taken ? direction->quota * 2 : direction->quota / 2;
	direction->quota = quota > most ? most : quota < least ? least : quota;
}

bool flow_drained(const struct flow *flow, bool short_read)
{
	return short_read && flow->direction->may_splice && !flow->source->ending && !flow->source->urgent;
}

enum step flow_read_failed(struct flow *flow)
{
	if (errno == EINTR)
		return PROGRESS;
	if (errno != EAGAIN)
		return flow_fail(flow, flow->source_side, errno);
	flow->source->readable = false;
	return WAIT;
}

/* --- a direction ------------------------------------------------------- */

/* The error the kernel keeps for the socket, 0 when there is none. */
static int socket_error(int fd)
{
	int error = 0;
	socklen_t length = sizeof error;
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
}

static void hear_witness(struct relay *relay, int side)
{
	if (relay->witness[side] != NULL)
		relay->testimony[side] = relay->witness[side]->take(relay->socket[side].fd);
}

/* All is delivered and the source has ended: pass the end on. */
static enum step finish(struct flow *flow)
{
	hear_witness(flow->relay, flow->sink_side);
	if (shutdown(flow->sink->fd, SHUT_WR) != 0) {
		/* shutdown only says that the connection is gone; how it went is still kept. */
		int error = errno, kept = socket_error(flow->sink->fd);
		return flow_fail(flow, flow->sink_side, kept != 0 ? kept : error);
	}
	flow->direction->finished = true;
	flow_unblocked(flow->direction);
	flow->direction->ended_at = flow->thread->now;
	if (!flow->relay->direction[flow->sink_side].finished)
		return WAIT;
	relay_end(flow->relay, RELAY_EOF, -1, 0);
	return ENDED;
}

static enum step step(struct flow *flow)
{
	struct relay_direction *direction = flow->direction;
	bool pending = direction->backlog != NULL || direction->in_pipe > 0;
	if (direction->eof && !pending)
		return finish(flow);
	if (!flow->sink->writable || (!pending && !flow->source->readable))
		return WAIT;
	if (flow->budget == 0) {
		direction->more = true;
		return WAIT;
	}
	if (direction->backlog != NULL)
		return flush_backlog(flow);
	if (direction->in_pipe > 0)
		return flush_pipe(flow);
	return direction->bulk ? fill_pipe(flow) : copy_some(flow);
}

/* At the end of a turn: whether bytes wait while the sink takes none, which relay_timers.c keeps from lasting. */
static void note_blocked(const struct flow *flow)
{
	struct relay_direction *direction = flow->direction;
	bool pending = direction->backlog != NULL || direction->in_pipe > 0 || flow->source->readable;
	if (!pending || flow->sink->writable || direction->blocked_since != 0)
		return;
	direction->blocked_since = flow->thread->now;
	atomic_store_explicit(&direction->blocked, true, memory_order_relaxed);
}

static void pump_direction(struct relay *relay, int side)
{
	struct flow flow = {
		.relay = relay,
		.thread = relay->thread,
		.direction = &relay->direction[side],
		.source = &relay->socket[side],
		.sink = &relay->socket[1 - side],
		.source_side = side,
		.sink_side = 1 - side,
		.budget = BUDGET,
	};
	enum step result = PROGRESS;
	flow.direction->more = false;
	while (result == PROGRESS && !flow.direction->finished)
		result = step(&flow);
	if (result == WAIT && !flow.direction->finished)
		note_blocked(&flow);
}

/*
 * EPOLLERR or EPOLLHUP on a side that no call has explained: its stream has been read to the
 * end, or its direction waits for a slow sink. An error ends the relay. A hang-up without
 * one does when our own end is still open, however much the other side has not taken yet: the
 * connection is gone from under us (an MPTCP connection that lost its last subflow does this
 * after net.mptcp.close_timeout).
 */
static void settle(struct relay *relay, int side)
{
	struct relay_socket *socket = &relay->socket[side];
	if (relay->ended || !socket->broken || relay->direction[side].more)
		return;
	int error = socket_error(socket->fd);
	if (error == 0 && socket->hung_up && !relay->direction[1 - side].finished)
		error = ENOTCONN;
	if (error != 0)
		relay_end(relay, RELAY_RESET, side, error);
}

bool relay_pump(struct relay *relay)
{
	for (int side = 0; side < 2 && !relay->ended; side++)
		pump_direction(relay, side);
	for (int side = 0; side < 2; side++)
		settle(relay, side);
	if (!relay->ended)
		relay_timers_after_turn(relay);
	return !relay->ended && (relay->direction[0].more || relay->direction[1].more);
}
