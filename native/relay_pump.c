/*
 * Moving bytes, both ways of doing it.
 *
 * Copy: recv into the thread's buffer, send from it, and only what the sink does not take
 * goes to the heap. Splice: through a pipe, without touching the bytes. Splice is for TCP on
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
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "relay_internal.h"

/* What one direction may move per turn, so that a fast connection does not keep the others waiting. */
#define BUDGET (1024u * 1024)

#define COPY_QUOTA_MIN (16u * 1024)
#define SPLICE_QUOTA_MIN (64u * 1024)
/* Reads of this size make splicing worthwhile; SMALL_IN_A_ROW below it end it. */
#define BULK (32u * 1024)
#define SMALL_IN_A_ROW 8

enum step { PROGRESS, WAIT, ENDED };

struct flow {
	struct relay *relay;
	struct relay_thread *thread;
	struct relay_direction *direction;
	struct relay_socket *source, *sink;
	int source_side, sink_side;
	size_t budget;
};

static enum step fail(const struct flow *flow, int side, int error)
{
	relay_end(flow->relay, RELAY_RESET, side, error);
	return ENDED;
}

static void delivered(struct flow *flow, size_t length)
{
	/* Only this thread writes it: a load and a store, no locked instruction. */
	uint64_t total = atomic_load_explicit(&flow->direction->delivered, memory_order_relaxed);
	atomic_store_explicit(&flow->direction->delivered, total + length, memory_order_relaxed);
	flow->relay->last_activity = flow->thread->now;
	flow->budget -= length < flow->budget ? length : flow->budget;
}

static void adapt(struct relay_direction *direction, bool all_taken)
{
	uint32_t most = direction->bulk ? RELAY_PIPE : RELAY_BUFFER;
	uint32_t least = direction->bulk ? SPLICE_QUOTA_MIN : COPY_QUOTA_MIN;
	uint32_t quota = all_taken ? direction->quota * 2 : direction->quota / 2;
	direction->quota = quota > most ? most : quota < least ? least : quota;
}

/* --- copy -------------------------------------------------------------- */

/* Sends what the sink takes; false with the relay ended when it failed. */
static bool send_some(struct flow *flow, const uint8_t *data, size_t length, size_t *sent)
{
	ssize_t n = send(flow->sink->fd, data, length, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		(void)fail(flow, flow->sink_side, errno);
		return false;
	}
	*sent = n < 0 ? 0 : (size_t)n;
	if (n > 0)
		delivered(flow, (size_t)n);
	/* A short send means that the kernel waits for room and will say so, see epoll(7). */
	if (*sent < length)
		flow->sink->writable = false;
	return true;
}

static enum step flush_backlog(struct flow *flow)
{
	struct relay_direction *direction = flow->direction;
	size_t length = direction->backlog_end - direction->backlog_start, sent;
	if (!send_some(flow, direction->backlog + direction->backlog_start, length, &sent))
		return ENDED;
	direction->backlog_start += (uint32_t)sent;
	if (sent < length)
		return WAIT;
	free(direction->backlog);
	direction->backlog = NULL;
	direction->backlog_start = direction->backlog_end = 0;
	return PROGRESS;
}

static enum step keep(struct flow *flow, const uint8_t *data, size_t length)
{
	struct relay_direction *direction = flow->direction;
	direction->backlog = malloc(length);
	if (direction->backlog == NULL)
		return fail(flow, flow->sink_side, ENOMEM);
	memcpy(direction->backlog, data, length);
	direction->backlog_start = 0;
	direction->backlog_end = (uint32_t)length;
	return WAIT;
}

/*
 * Whether a read that gave less than it could have left nothing behind, so that the next
 * bytes bring an edge. Not so before an end of stream that has been announced, at TCP's
 * urgent mark, where reads stop, and not relied on for MPTCP, where bytes may still be on
 * their way from the subflows' queues to the connection's.
 */
static bool drained(const struct flow *flow, bool short_read)
{
	return short_read && flow->direction->may_splice && !flow->source->ending && !flow->source->urgent;
}

static enum step read_failed(struct flow *flow)
{
	if (errno != EAGAIN && errno != EINTR)
		return fail(flow, flow->source_side, errno);
	if (errno == EAGAIN)
		flow->source->readable = false;
	return WAIT;
}

static enum step copy(struct flow *flow)
{
	struct relay_direction *direction = flow->direction;
	uint8_t *buffer = flow->thread->buffer;
	size_t want = direction->quota < RELAY_BUFFER ? direction->quota : RELAY_BUFFER;
	ssize_t n = recv(flow->source->fd, buffer, want, MSG_DONTWAIT);
	if (n < 0)
		return read_failed(flow);
	if (n == 0) {
		direction->eof = true;
		return PROGRESS;
	}
	size_t length = (size_t)n, sent;
	if (drained(flow, length < want))
		flow->source->readable = false;
	if (!send_some(flow, buffer, length, &sent))
		return ENDED;
	direction->bulk = direction->may_splice && length >= BULK && !flow->source->urgent;
	adapt(direction, sent == length);
	return sent == length ? PROGRESS : keep(flow, buffer + sent, length - sent);
}

/* --- splice ------------------------------------------------------------ */

static void leave_splice(struct flow *flow, bool for_good)
{
	struct relay_direction *direction = flow->direction;
	if (direction->pipe != NULL)
		relay_pipe_give(flow->thread, direction->pipe, direction->in_pipe == 0);
	direction->pipe = NULL;
	direction->bulk = false;
	direction->small = 0;
	if (for_good)
		direction->may_splice = false;
}

static enum step flush_pipe(struct flow *flow)
{
	struct relay_direction *direction = flow->direction;
	/* Without SPLICE_F_MORE: the pipe's last byte must leave at once. The kernel corks within one call by itself. */
	ssize_t n = splice(direction->pipe->read, NULL, flow->sink->fd, NULL, direction->in_pipe,
	                   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return fail(flow, flow->sink_side, errno);
	if (n <= 0) {
		/* The pipe is not empty, so the sink is full. */
		flow->sink->writable = false;
		direction->stalled = true;
		return WAIT;
	}
	direction->in_pipe -= (uint32_t)n;
	delivered(flow, (size_t)n);
	if (direction->in_pipe > 0)
		return PROGRESS;
	adapt(direction, !direction->stalled);
	relay_pipe_give(flow->thread, direction->pipe, true);
	direction->pipe = NULL;
	return PROGRESS;
}

/* splice also returns 0 at TCP's urgent mark once the peer has ended; only recv passes the mark. */
static enum step splice_ended(struct flow *flow)
{
	uint8_t byte;
	ssize_t n = recv(flow->source->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	leave_splice(flow, n != 0);
	if (n == 0)
		flow->direction->eof = true;
	return PROGRESS;
}

static enum step splice_failed(struct flow *flow)
{
	/* What splice cannot do, copying can. */
	if (errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP) {
		leave_splice(flow, true);
		return PROGRESS;
	}
	int error = errno;
	relay_pipe_give(flow->thread, flow->direction->pipe, true);
	flow->direction->pipe = NULL;
	errno = error;
	return read_failed(flow);
}

/* Fills an empty pipe only: then EAGAIN cannot mean that the pipe is full. */
static enum step fill_pipe(struct flow *flow)
{
	struct relay_direction *direction = flow->direction;
	if (direction->pipe == NULL)
		direction->pipe = relay_pipe_take(flow->thread);
	if (direction->pipe == NULL || flow->source->urgent) {
		leave_splice(flow, true);
		return PROGRESS;
	}
	ssize_t n = splice(flow->source->fd, NULL, direction->pipe->write, NULL, direction->quota,
	                   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	if (n < 0)
		return splice_failed(flow);
	if (n == 0)
		return splice_ended(flow);
	direction->in_pipe = (uint32_t)n;
	flow->relay->last_activity = flow->thread->now;
	if (drained(flow, direction->in_pipe < direction->quota && direction->in_pipe < direction->pipe->slots))
		flow->source->readable = false;
	if (direction->in_pipe >= BULK)
		direction->small = 0;
	else if (++direction->small == SMALL_IN_A_ROW)
		direction->bulk = false;
	direction->stalled = false;
	return PROGRESS;
}

/* --- a direction ------------------------------------------------------- */

/* The error the kernel keeps for the socket, 0 when there is none. */
static int socket_error(int fd)
{
	int error = 0;
	socklen_t length = sizeof error;
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
}

/* All is delivered and the source has ended: pass the end on. */
static enum step finish(struct flow *flow)
{
	if (shutdown(flow->sink->fd, SHUT_WR) != 0) {
		/* shutdown only says that the connection is gone; how it went is still kept. */
		int error = errno, kept = socket_error(flow->sink->fd);
		return fail(flow, flow->sink_side, kept != 0 ? kept : error);
	}
	flow->direction->finished = true;
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
	return direction->bulk ? fill_pipe(flow) : copy(flow);
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
}

/*
 * EPOLLERR or EPOLLHUP on a side that no call has explained: its stream has been read to the
 * end, or its direction waits for a slow sink. An error ends the relay. A hang-up without
 * one does when our own end is still open: the connection is gone from under us (an MPTCP
 * connection that lost its last subflow does this after net.mptcp.close_timeout).
 */
static void settle(struct relay *relay, int side)
{
	struct relay_socket *socket = &relay->socket[side];
	if (relay->ended || !socket->broken || relay->direction[side].more)
		return;
	int error = socket_error(socket->fd);
	if (error == 0 && relay->direction[side].eof && !relay->direction[1 - side].finished)
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
	return !relay->ended && (relay->direction[0].more || relay->direction[1].more);
}
