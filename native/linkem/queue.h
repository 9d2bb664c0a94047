/*
 * The queue in front of a link and its service: first in, first out, tail drop, served at a
 * rate or by a delivery trace. It knows no clock: callers pass the time.
 */
#ifndef LINKEM_QUEUE_H
#define LINKEM_QUEUE_H

#include "pool.h"
#include "settings.h"

struct queue {
	/* The first packet is the one being sent; it counts as queued until it is sent. */
	struct packet *first, *last;
	uint64_t packets, bytes;
	uint64_t most_packets, most_bytes;
	/* With a rate: when the first packet has been sent. */
	uint64_t sent_at;
	/* With a trace: bytes left to send of the first packet, the next opportunity, bytes left of that. */
	uint64_t left;
	struct trace_position position;
	uint64_t room;
};

/* Whether the settings make packets queue at all. */
bool queue_needed(const struct settings *settings);
/* Whether a packet of this length still fits. */
bool queue_has_room(const struct queue *queue, const struct settings *settings, uint32_t length);
/* Adds a packet that arrives now; what was sent before now has been taken out already (queue_sent). */
void queue_push(struct queue *queue, const struct settings *settings, struct packet *packet, uint64_t now);
/* The next packet sent by now, with the time at which it was; NULL if there is none. */
struct packet *queue_sent(struct queue *queue, const struct settings *settings, uint64_t now, uint64_t *at);
/* When queue_sent will next have something to do; NEVER when the queue is empty. */
uint64_t queue_next(const struct queue *queue, const struct settings *settings);
/* Adapts the packet being sent: the part not yet sent goes at the new rate. A trace begins now. */
void queue_change(struct queue *queue, const struct settings *before, const struct settings *after, uint64_t now);
/* Takes out a packet, sent or not; NULL when the queue is empty. */
struct packet *queue_pop(struct queue *queue);

#endif
