/* Moving bytes through a pipe, without touching them. */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "relay_flow.h"

/* So many reads below RELAY_BULK one after another end the splicing. */
#define SMALL_IN_A_ROW 8

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

enum step flush_pipe(struct flow *flow)
{
	struct relay_direction *direction = flow->direction;
	/* Without SPLICE_F_MORE: the pipe's last byte must leave at once. The kernel corks within one call by itself. */
	ssize_t n = splice(direction->pipe->read, NULL, flow->sink->fd, NULL, direction->in_pipe,
	                   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	if (n < 0 && errno == EINTR)
		return PROGRESS;
	if (n < 0 && errno != EAGAIN)
		return flow_fail(flow, flow->sink_side, errno);
	if (n <= 0) {
		/* The pipe is not empty, so the sink is full. */
		flow->sink->writable = false;
		direction->stalled = true;
		return WAIT;
	}
	direction->in_pipe -= (uint32_t)n;
	flow_delivered(flow, (size_t)n);
	if (direction->in_pipe > 0)
		return PROGRESS;
	flow_adapt(direction, !direction->stalled);
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
	return n == 0 ? flow_source_ended(flow) : PROGRESS;
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
	return flow_read_failed(flow);
}

/* Fills an empty pipe only: then EAGAIN cannot mean that the pipe is full. */
enum step fill_pipe(struct flow *flow)
{
	struct relay_direction *direction = flow->direction;
	if (direction->pipe == NULL)
		direction->pipe = relay_pipe_take(flow->thread);
	if (direction->pipe == NULL || flow->source->urgent) {
		leave_splice(flow, true);
		return PROGRESS;
	}
	size_t want = flow_want(flow, direction->quota);
	ssize_t n = splice(flow->source->fd, NULL, direction->pipe->write, NULL, want,
	                   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	if (n < 0)
		return splice_failed(flow);
	if (n == 0)
		return splice_ended(flow);
	direction->in_pipe = (uint32_t)n;
	flow->relay->last_activity = flow->thread->now;
	if (flow_drained(flow, direction->in_pipe < want && direction->in_pipe < direction->pipe->slots))
		flow->source->readable = false;
	flow_spliced(flow, (size_t)n);
	if (direction->in_pipe >= RELAY_BULK)
		direction->small = 0;
	else if (++direction->small == SMALL_IN_A_ROW)
		direction->bulk = false;
	direction->stalled = false;
	return PROGRESS;
}
