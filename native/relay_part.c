/* What goes one way, and where it ends: with the source's stream, or with a message. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "relay_flow.h"

/* The rest belongs to nobody here, or to the next message. */
static int carry(struct relay *relay, int side, const uint8_t *data, size_t length)
{
	if (!relay->keep || side != 0 || length == 0)
		return 0;
	uint8_t *more = realloc(relay->carry.data, relay->carry.length + length);
	if (more == NULL)
		return ENOMEM;
	memcpy(more + relay->carry.length, data, length);
	relay->carry.data = more;
	relay->carry.length += length;
	return 0;
}

/* Bytes of the source's: *length becomes how many of those at `data` are to be passed on. 0, ENOMEM or EBADMSG. */
static int take(struct relay *relay, int side, uint8_t *data, size_t *length)
{
	struct relay_direction *direction = &relay->direction[side];
	struct relay_message *message = &direction->message;
	size_t used = *length, kept = *length;
	bool ends = false;
	if (message->until == RELAY_UNTIL_END)
		return 0;
	if (message->until == RELAY_UNTIL_LENGTH) {
		if (used > message->left)
			used = kept = (size_t)message->left;
		message->left -= used;
		ends = message->left == 0;
	} else {
		/* Decoding moves bytes within what it has used. */
		enum chunked_result result = chunked_read(&message->chunked, data, *length, &used, &kept);
		if (result == CHUNKED_WRONG)
			return EBADMSG;
		ends = result == CHUNKED_END;
	}
	int err = carry(relay, side, data + used, *length - used);
	*length = kept;
	if (ends)
		direction->eof = true;
	return err;
}

static void message_begin(struct relay *relay, int side, const struct relay_part *part)
{
	struct relay_direction *direction = &relay->direction[side];
	bool chunked = part->until == RELAY_UNTIL_CHUNKED || part->until == RELAY_UNTIL_DECODED;
	direction->message = (struct relay_message){ .until = part->until, .left = part->length };
	direction->quiet = part->until != RELAY_UNTIL_END && !part->close;
	direction->may_splice = relay->splice && !chunked;
	direction->eof = part->until == RELAY_UNTIL_LENGTH && part->length == 0;
	if (chunked)
		/* Only servers are known to pad, and only what comes from b is a server's. */
		chunked_begin(&direction->message.chunked, part->until == RELAY_UNTIL_DECODED, side == 1);
}

int relay_part_begin(struct relay *relay, int side, const struct relay_part *part)
{
	struct relay_direction *direction = &relay->direction[side];
	size_t length = part->rest_length;
	message_begin(relay, side, part);
	if (part->head_length + part->rest_length == 0)
		return 0;
	uint8_t *bytes = malloc(part->head_length + part->rest_length);
	if (bytes == NULL)
		return ENOMEM;
	if (part->head_length > 0)
		memcpy(bytes, part->head, part->head_length);
	if (part->rest_length > 0)
		memcpy(bytes + part->head_length, part->rest, part->rest_length);
	int err = take(relay, side, bytes + part->head_length, &length);
	if (err == 0 && part->head_length + length > 0 &&
	    !relay_backlog_set(direction, bytes, part->head_length + length))
		err = ENOMEM;
	free(bytes);
	return err;
}

size_t flow_want(const struct flow *flow, size_t most)
{
	const struct relay_message *message = &flow->direction->message;
	return message->until == RELAY_UNTIL_LENGTH && message->left < most ? (size_t)message->left : most;
}

enum step flow_received(struct flow *flow, uint8_t *data, size_t *length)
{
	int err = take(flow->relay, flow->source_side, data, length);
	if (err == 0)
		return PROGRESS;
	relay_end(flow->relay, RELAY_RESET, flow->source_side, err);
	return ENDED;
}

void flow_spliced(struct flow *flow, size_t length)
{
	struct relay_message *message = &flow->direction->message;
	if (message->until != RELAY_UNTIL_LENGTH)
		return;
	message->left -= length;
	if (message->left == 0)
		flow->direction->eof = true;
}

enum step flow_source_ended(struct flow *flow)
{
	struct relay_direction *direction = flow->direction;
	/* A peer that takes the end of the stream for the end of the message must not take this for it. */
	if (direction->message.until == RELAY_UNTIL_DECODED) {
		relay_end(flow->relay, RELAY_RESET, flow->source_side, EBADMSG);
		return ENDED;
	}
	direction->eof = true;
	direction->quiet = false;
	return PROGRESS;
}
