/* One direction in the middle of its turn: what relay_pump.c, relay_copy.c and relay_splice.c share. */
#ifndef MPTK_RELAY_FLOW_H
#define MPTK_RELAY_FLOW_H

#include "relay_internal.h"

/* A read of this size makes splicing worthwhile. */
#define RELAY_BULK (32u * 1024)

/* What the direction does next: go on, wait for an event, nothing (the relay has ended). */
enum step { PROGRESS, WAIT, ENDED };

struct flow {
	struct relay *relay;
	struct relay_thread *thread;
	struct relay_direction *direction;
	struct relay_socket *source, *sink;
	int source_side, sink_side;
	size_t budget; /* bytes that this turn may still move */
};

/* relay_pump.c */

/* Ends the relay: a call on this side failed. */
enum step flow_fail(const struct flow *flow, int side, int error);
/* After a failed read of the source: nothing there yet, or the end of the relay. */
enum step flow_read_failed(struct flow *flow);
/* Counts bytes that the sink's kernel has taken. */
void flow_delivered(struct flow *flow, size_t length);
/* Sets how much to read the next time. */
void flow_adapt(struct relay_direction *direction, bool all_taken);
/*
 * Whether a read that gave less than it could have left nothing behind, so that the next
 * bytes bring an edge. Not so before an end of stream that has been announced, at TCP's
 * urgent mark, where reads stop, and not relied on for MPTCP, where bytes may still be on
 * their way from the subflows' queues to the connection's.
 */
bool flow_drained(const struct flow *flow, bool short_read);

/* relay_part.c */

/* How much to read at once, so that nothing beyond a message of known length is taken. */
size_t flow_want(const struct flow *flow, size_t most);
/* What of the bytes read belongs to the message, and is to be passed on; ENDED when they are wrong. */
enum step flow_received(struct flow *flow, uint8_t *data, size_t *length);
/* The same for bytes that went into a pipe. */
void flow_spliced(struct flow *flow, size_t length);
/* The source has ended; ENDED where that cannot be told to the sink by an end. */
enum step flow_source_ended(struct flow *flow);

/* relay_copy.c */
enum step copy_some(struct flow *flow);
enum step flush_backlog(struct flow *flow);

/* relay_splice.c */
enum step fill_pipe(struct flow *flow);
enum step flush_pipe(struct flow *flow);

#endif
