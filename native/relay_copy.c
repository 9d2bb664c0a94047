/* Moving bytes through the thread's buffer; only what the sink does not take is kept for later. */
#include <errno.h>
#include <sys/socket.h>

#include "relay_flow.h"

/* Sends what the sink takes; false with the relay ended when it failed. */
static bool send_some(struct flow *flow, const uint8_t *data, size_t length, size_t *sent)
{
	ssize_t n;
	do
		n = send(flow->sink->fd, data, length, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno != EAGAIN) {
		(void)flow_fail(flow, flow->sink_side, errno);
		return false;
	}
	*sent = n < 0 ? 0 : (size_t)n;
	if (n > 0)
		flow_delivered(flow, (size_t)n);
	/* A short send means that the kernel waits for room and will say so, see epoll(7). */
	if (*sent < length)
		flow->sink->writable = false;
	return true;
}

enum step flush_backlog(struct flow *flow)
{
	struct relay_direction *direction = flow->direction;
	size_t length = direction->backlog_end - direction->backlog_start, sent;
	if (!send_some(flow, direction->backlog + direction->backlog_start, length, &sent))
		return ENDED;
	direction->backlog_start += (uint32_t)sent;
	if (sent < length)
		return WAIT;
	relay_backlog_drop(direction);
	return PROGRESS;
}

enum step copy_some(struct flow *flow)
{
	struct relay_direction *direction = flow->direction;
	uint8_t *buffer = flow->thread->buffer;
	size_t want = flow_want(flow, direction->quota < RELAY_BUFFER ? direction->quota : RELAY_BUFFER);
	ssize_t n = recv(flow->source->fd, buffer, want, MSG_DONTWAIT);
	if (n < 0)
		return flow_read_failed(flow);
	if (n == 0)
		return flow_source_ended(flow);
	size_t length = (size_t)n, sent;
	if (flow_drained(flow, length < want))
		flow->source->readable = false;
	if (flow_received(flow, buffer, &length) == ENDED)
		return ENDED;
	if (length == 0)
		return PROGRESS;
	if (!send_some(flow, buffer, length, &sent))
		return ENDED;
	direction->bulk = direction->may_splice && length >= RELAY_BULK && !flow->source->urgent;
	flow_adapt(direction, sent == length);
	if (sent == length)
		return PROGRESS;
	if (!relay_backlog_set(direction, buffer + sent, length - sent))
		return flow_fail(flow, flow->sink_side, ENOMEM);
	return WAIT;
}
