#include "queue.h"

#include "clock.h"

#include <net/ethernet.h>

/* What counts against the rate: the Ethernet frame without its check sequence, as the kernel's shapers count. */
static uint64_t rate_bits(const struct settings *settings, uint32_t length)
{
	int64_t bytes = (int64_t)length + settings->overhead;

	return bytes > 1 ? (uint64_t)bytes * 8 : 8;
}

/* What counts against a trace: the IP packet, so that one of 1500 bytes takes one opportunity. */
static uint64_t trace_bytes(const struct settings *settings, uint32_t length)
{
	int64_t bytes = (int64_t)length - ETHER_HDR_LEN + settings->overhead;

	return bytes > 1 ? (uint64_t)bytes : 1;
}

static uint64_t send_time(const struct settings *settings, uint32_t length)
{
	return (rate_bits(settings, length) * NS_PER_SECOND + settings->rate - 1) / settings->rate;
}

bool queue_needed(const struct settings *settings)
{
	return settings->rate != 0 || settings->trace;
}

bool queue_has_room(const struct queue *queue, const struct settings *settings, uint32_t length)
{
	if (settings->queue_limit == UINT64_MAX)
		return true;
	return settings->queue_unit == QUEUE_PACKETS ? queue->packets < settings->queue_limit
	                                             : queue->bytes + length <= settings->queue_limit;
}

/* Begins to send the first packet. */
static void begin(struct queue *queue, const struct settings *settings, uint64_t now)
{
	if (settings->trace)
		queue->left = trace_bytes(settings, queue->first->length);
	else if (settings->rate != 0)
		queue->sent_at = now + send_time(settings, queue->first->length);
	else
		queue->sent_at = now;
}

void queue_push(struct queue *queue, const struct settings *settings, struct packet *packet, uint64_t now)
{
	if (queue->first)
		queue->last->next = packet;
	else
		queue->first = packet;
	queue->last = packet;
	queue->packets++;
	queue->bytes += packet->length;
	if (queue->packets > queue->most_packets)
		queue->most_packets = queue->packets;
	if (queue->bytes > queue->most_bytes)
		queue->most_bytes = queue->bytes;
	if (queue->first != packet)
		return;
	/* Opportunities while there was nothing to send have passed. */
	if (settings->trace) {
		trace_skip(settings->trace, &queue->position, now);
		queue->room = TRACE_OPPORTUNITY;
	}
	begin(queue, settings, now);
}

struct packet *queue_pop(struct queue *queue)
{
	struct packet *packet = queue->first;

	if (!packet)
		return NULL;
	queue->first = packet->next;
	packet->next = NULL;
	queue->packets--;
	queue->bytes -= packet->length;
	return packet;
}

/*
 * Several packets may share an opportunity and one packet may need several: bytes are what is
 * served, as Mahimahi does. What is left of an opportunity after the last packet is unused.
 */
static bool first_sent_by_trace(struct queue *queue, const struct trace *trace, uint64_t now)
{
	while (trace_time(trace, &queue->position) <= now) {
		if (queue->left <= queue->room) {
			queue->room -= queue->left;
			return true;
		}
		queue->left -= queue->room;
		trace_next(trace, &queue->position);
		queue->room = TRACE_OPPORTUNITY;
	}
	return false;
}

struct packet *queue_sent(struct queue *queue, const struct settings *settings, uint64_t now, uint64_t *at)
{
	struct packet *packet;

	if (!queue->first)
		return NULL;
	if (settings->trace) {
		if (!first_sent_by_trace(queue, settings->trace, now))
			return NULL;
		*at = trace_time(settings->trace, &queue->position);
	} else {
		if (queue->sent_at > now)
			return NULL;
		*at = queue->sent_at;
	}
	packet = queue_pop(queue);
	if (queue->first)
		begin(queue, settings, *at);
	return packet;
}

uint64_t queue_next(const struct queue *queue, const struct settings *settings)
{
	if (!queue->first)
		return NEVER;
	return settings->trace ? trace_time(settings->trace, &queue->position) : queue->sent_at;
}

void queue_change(struct queue *queue, const struct settings *before, const struct settings *after, uint64_t now)
{
	bool rate_to_rate = before->rate != 0 && after->rate != 0;

	if (before->rate == after->rate && before->trace == after->trace)
		return;
	if (after->trace) {
		queue->position = (struct trace_position){.round = now};
		queue->room = TRACE_OPPORTUNITY;
	}
	if (!queue->first)
		return;
	if (!rate_to_rate) {
		begin(queue, after, now);
	} else if (queue->sent_at > now) {
		unsigned __int128 left = (unsigned __int128)(queue->sent_at - now) * before->rate;

		queue->sent_at = now + (uint64_t)(left / after->rate);
	}
}
