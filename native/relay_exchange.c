/*
 * An exchange: one message up, from a to b, and its answer down. The caller reads the beginning
 * of the answer from b itself while the message goes up, then hands the rest of it over. Each
 * direction ends with its message, so the relay does, and the caller has both connections again.
 *
 * b may answer before it has read the whole message and close: then the way up ends early, and
 * the answer is still delivered to its last byte.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "relay_internal.h"

struct relay_answer_order {
	struct relay_part part;
	enum relay_answer how;
	uint8_t bytes[];
};

int relay_answer(struct relay *relay, const struct relay_part *down, enum relay_answer how)
{
	struct relay_thread *thread = relay->thread;
	/* An ended relay may have outlived its engine. */
	if (relay->ended)
		return 0;
	struct relay_answer_order *order = malloc(sizeof *order + down->head_length + down->rest_length);
	if (order == NULL)
		return ENOMEM;
	order->part = *down;
	order->how = how;
	if (down->head_length > 0)
		memcpy(order->bytes, down->head, down->head_length);
	if (down->rest_length > 0)
		memcpy(order->bytes + down->head_length, down->rest, down->rest_length);
	order->part.head = order->bytes;
	order->part.rest = order->bytes + down->head_length;
	(void)pthread_mutex_lock(&thread->mutex);
	if (relay->answer == NULL) {
		relay->answer = order;
		order = NULL;
		relay->references++;
		relay->answer_next = thread->answers;
		thread->answers = relay;
		relay_thread_signal(thread);
	}
	(void)pthread_mutex_unlock(&thread->mutex);
	free(order);
	return 0;
}

/* What a direction holds is given up. */
static void abandon(struct relay *relay, int side)
{
	struct relay_direction *direction = &relay->direction[side];
	if (direction->pipe != NULL)
		relay_pipe_give(relay->thread, direction->pipe, direction->in_pipe == 0);
	direction->pipe = NULL;
	direction->in_pipe = 0;
	relay_backlog_drop(direction);
	direction->eof = direction->finished = true;
	direction->blocked_since = 0;
	atomic_store_explicit(&direction->blocked, false, memory_order_relaxed);
	relay->cut = relay->cut || side == 0;
}

/* The way up begins anew, without an end of its own. */
static int switch_up(struct relay *relay)
{
	struct relay_carry carried = relay->carry;
	const struct relay_part part = { .rest = carried.data, .rest_length = carried.length };
	struct relay_direction *direction = &relay->direction[0];
	if (direction->backlog != NULL || direction->in_pipe > 0 || !direction->eof)
		return EBADMSG; /* an answer to half a request cannot be a switch */
	relay->carry = (struct relay_carry){ 0 };
	relay->exchange = false;
	direction->finished = false;
	relay->socket[0].readable = true;
	int err = relay_part_begin(relay, 0, &part);
	free(carried.data);
	return err;
}

void relay_answer_take(struct relay *relay)
{
	struct relay_answer_order *order = relay->answer;
	int err = 0;
	if (relay->ended || !relay->exchange || !relay->direction[1].held)
		return;
	if (order->how == RELAY_ANSWER_SWITCH)
		err = switch_up(relay);
	if (order->how == RELAY_ANSWER_LAST)
		abandon(relay, 0);
	if (err == 0)
		err = relay_part_begin(relay, 1, &order->part);
	relay->direction[1].held = false;
	relay->socket[1].readable = true;
	if (err != 0)
		relay_end(relay, RELAY_RESET, 1, err);
}

bool relay_exchange_survives(struct relay *relay, int side, int failed)
{
	if (!relay->exchange || side != 0 || failed != 1)
		return false;
	abandon(relay, 0);
	return true;
}

bool relay_exchange_minds(struct relay *relay, int side)
{
	/* What became of b shows when its answer is read, by the caller or by us. */
	return relay->exchange && side == 1;
}

/* Whether a's stream has ended, with nothing before the end that is to be kept. */
static bool source_has_ended(const struct relay *relay)
{
	uint8_t byte;
	if (!relay->socket[0].ending)
		return false;
	return !relay->keep ||
	       (relay->carry.length == 0 && recv(relay->socket[0].fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0);
}

/* a's end, after its message, is told to b, which may then save the trouble of an answer. */
static void pass_end(struct relay *relay)
{
	if (relay->passed_end || !relay->direction[0].finished || !relay->direction[0].quiet ||
	    !source_has_ended(relay))
		return;
	relay->passed_end = true;
	relay_hear_witness(relay, 1);
	/* Fails where the connection is gone, and then reading shows it. */
	(void)shutdown(relay->socket[1].fd, SHUT_WR);
}

void relay_exchange_settle(struct relay *relay)
{
	pass_end(relay);
	if (relay->direction[1].finished && !relay->direction[0].finished && relay->socket[1].broken)
		abandon(relay, 0);
	if (relay->direction[0].finished && relay->direction[1].finished)
		relay_end(relay, RELAY_EOF, -1, 0);
}

enum relay_cause relay_overdue(const struct relay *relay, enum relay_cause cause)
{
	return relay->exchange && relay->direction[1].finished ? RELAY_EOF : cause;
}

bool relay_exchange_whole(const struct relay *relay)
{
	const struct relay_direction *up = &relay->direction[0], *down = &relay->direction[1];
	return relay->exchange && relay->cause == RELAY_EOF && !relay->cut && !relay->passed_end &&
	       up->finished && up->quiet && down->finished && down->quiet;
}

const uint8_t *relay_carried(const struct relay *relay, size_t *length)
{
	*length = relay->carry.length;
	return relay->carry.data;
}

void relay_exchange_free(struct relay *relay)
{
	free(relay->answer);
	free(relay->carry.data);
}
