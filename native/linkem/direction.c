#include "direction.h"

#include "clock.h"

#include <stdlib.h>

void direction_open(struct direction *direction, const char *name, struct pool *pool, uint64_t seed, uint64_t stream)
{
	*direction = (struct direction){.name = name, .pool = pool};
	settings_default(&direction->settings);
	random_seed(&direction->random, seed, stream);
}

void direction_close(struct direction *direction)
{
	free(direction->line.heap);
	trace_release(direction->settings.trace);
	direction->line = (struct delay_line){.heap = NULL};
	direction->settings.trace = NULL;
}

static void count(struct amount *amount, const struct packet *packet)
{
	amount->packets++;
	amount->bytes += packet->length;
}

static void drop(struct direction *direction, struct packet *packet, struct amount *reason)
{
	count(reason, packet);
	pool_give(direction->pool, packet);
}

/* Puts a packet that was sent at this time on its way. */
static void depart(struct direction *direction, struct packet *packet, uint64_t at)
{
	const struct settings *settings = &direction->settings;

	if (random_chance(&direction->random, settings->reorder)) {
		packet->release = at;
	} else {
		packet->release = at + jitter_apply(&settings->jitter, settings->delay, &direction->random);
		if (settings->keep_order && packet->release < direction->last_release)
			packet->release = direction->last_release;
		direction->last_release = packet->release;
	}
	if (!delay_line_add(&direction->line, packet))
		drop(direction, packet, &direction->counters.dropped_memory);
}

/*
 * Moves what has been sent by now to the delay line, with the time at which it was sent and
 * not with now: that this process woke up late once does not slow the link down.
 */
static void advance(struct direction *direction, uint64_t now)
{
	struct packet *packet;
	uint64_t at;

	while ((packet = queue_sent(&direction->queue, &direction->settings, now, &at)))
		depart(direction, packet, at);
}

void direction_enter(struct direction *direction, struct packet *packet, uint64_t now)
{
	struct counters *counters = &direction->counters;
	const struct settings *settings = &direction->settings;

	advance(direction, now);
	count(&counters->in, packet);
	if (direction->down)
		drop(direction, packet, &counters->dropped_down);
	else if (packet->length >= direction->pool->capacity)
		/* The pool's packets are a byte longer than the MTU allows, to tell those that were cut off. */
		drop(direction, packet, &counters->dropped_length);
	else if (loss_decide(&settings->loss, &direction->bad, &direction->random))
		drop(direction, packet, &counters->dropped_loss);
	else if (!queue_needed(settings))
		depart(direction, packet, now);
	else if (!queue_has_room(&direction->queue, settings, packet->length))
		drop(direction, packet, &counters->dropped_queue);
	else
		queue_push(&direction->queue, settings, packet, now);
}

void direction_run(struct direction *direction, uint64_t now, unsigned int budget, direction_deliver *deliver,
                   void *receiver)
{
	struct counters *counters = &direction->counters;

	advance(direction, now);
	for (; budget > 0 && delay_line_next(&direction->line) <= now; budget--) {
		struct packet *packet = delay_line_take(&direction->line);
		uint64_t late = now - packet->release;

		if (late > counters->latest_ns)
			counters->latest_ns = late;
		if (late > NS_PER_MS)
			counters->late_over_1ms++;
		count(deliver(receiver, packet) ? &counters->delivered : &counters->dropped_receiver, packet);
		pool_give(direction->pool, packet);
	}
}

uint64_t direction_next(const struct direction *direction)
{
	uint64_t sent = queue_next(&direction->queue, &direction->settings);
	uint64_t released = delay_line_next(&direction->line);

	return sent < released ? sent : released;
}

void direction_change(struct direction *direction, const struct settings_change *change, uint64_t now)
{
	struct settings before = direction->settings;

	/* Only compared with: what advance() and queue_change() see must outlive settings_apply(). */
	trace_hold(before.trace);
	advance(direction, now);
	settings_apply(&direction->settings, change);
	queue_change(&direction->queue, &before, &direction->settings, now);
	trace_release(before.trace);
	if (direction->settings.loss.kind != LOSS_GILBERT)
		direction->bad = false;
}

void direction_set_down(struct direction *direction, bool down, uint64_t now)
{
	struct packet *packet;

	advance(direction, now);
	direction->down = down;
	if (!down)
		return;
	while ((packet = queue_pop(&direction->queue)))
		drop(direction, packet, &direction->counters.dropped_down);
	while (direction->line.count > 0)
		drop(direction, delay_line_take(&direction->line), &direction->counters.dropped_down);
	direction->last_release = 0;
}
