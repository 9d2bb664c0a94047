/*
 * Delivery traces in the format of Mahimahi (Netravali et al., 2015): a text file with one
 * timestamp in milliseconds a line, in order. At each the link can deliver 1500 bytes. The last
 * timestamp is also the length of the trace, which then begins again.
 */
#ifndef LINKEM_TRACE_H
#define LINKEM_TRACE_H

#include "problem.h"

#include <stddef.h>
#include <stdint.h>

/* What one opportunity carries, counted in IP packets (see trace_bytes of queue.h). */
#define TRACE_OPPORTUNITY 1500

struct trace {
	char *path;
	uint32_t *at; /* milliseconds */
	size_t count;
	unsigned int references;
};

/* Reads a trace, which begins with one reference. NULL with problem filled otherwise. */
struct trace *trace_load(const char *path, struct problem *problem);
struct trace *trace_hold(struct trace *trace);
/* Gives up one reference; NULL is allowed. */
void trace_release(struct trace *trace);

/* Where a replay stands: at opportunity index of the round that began at this time. */
struct trace_position {
	uint64_t round;
	size_t index;
};

/* When the opportunity at this position is, in nanoseconds. */
uint64_t trace_time(const struct trace *trace, const struct trace_position *position);
/* Moves to the following opportunity, which may be at the same time. */
void trace_next(const struct trace *trace, struct trace_position *position);
/* Moves forward to the first opportunity later than now; those passed over are unused. */
void trace_skip(const struct trace *trace, struct trace_position *position, uint64_t now);

#endif
