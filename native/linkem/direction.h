/*
 * One direction of a link: loss, then the queue and its service, then the delay line. It has
 * no clock and no devices: callers say what time it is and where delivered packets go.
 */
#ifndef LINKEM_DIRECTION_H
#define LINKEM_DIRECTION_H

#include "delay_line.h"
#include "queue.h"
#include "random.h"
#include "settings.h"

struct amount {
	uint64_t packets, bytes;
};

/* What became of the packets that came in; each ends up in exactly one of the others. */
struct counters {
	struct amount in;
	struct amount delivered;
	/* Tail drops of the queue. */
	struct amount dropped_queue;
	struct amount dropped_loss;
	/* While the link was down, or on it when it went down. */
	struct amount dropped_down;
	/* The device at the far end took no packets: it is down. */
	struct amount dropped_receiver;
	/* Drops of the emulator itself: no memory, or longer than the MTU allows. */
	struct amount dropped_memory;
	struct amount dropped_length;
	/* How late packets were handed over, against the time the model gave them. */
	uint64_t latest_ns;
	uint64_t late_over_1ms;
};

struct direction {
	/* "a>b" or "b>a". */
	const char *name;
	struct settings settings;
	struct pool *pool;
	struct random random;
	struct queue queue;
	struct delay_line line;
	struct counters counters;
	/* State of the Gilbert-Elliott model. */
	bool bad;
	bool down;
	/* Where order is kept, no packet leaves before this. */
	uint64_t last_release;
};

/* Hands a packet on; false when it is not accepted. The packet stays the direction's. */
typedef bool direction_deliver(void *receiver, const struct packet *packet);

void direction_open(struct direction *direction, const char *name, struct pool *pool, uint64_t seed, uint64_t stream);
/* Frees the delay line's memory and the trace. */
void direction_close(struct direction *direction);

/* Takes over a packet of the pool that arrives now. */
void direction_enter(struct direction *direction, struct packet *packet, uint64_t now);
/* Delivers what is due by now, at most budget packets. */
void direction_run(struct direction *direction, uint64_t now, unsigned int budget, direction_deliver *deliver,
                   void *receiver);
/* When direction_run will next have something to do; NEVER if only a new packet can change that. */
uint64_t direction_next(const struct direction *direction);

void direction_change(struct direction *direction, const struct settings_change *change, uint64_t now);
/* Down: what is on the link is lost, and so is all that comes until it is up. */
void direction_set_down(struct direction *direction, bool down, uint64_t now);

#endif
