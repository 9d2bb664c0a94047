/* What one direction of a link does to packets, and the words that say so. */
#ifndef LINKEM_SETTINGS_H
#define LINKEM_SETTINGS_H

#include "jitter.h"
#include "loss.h"
#include "problem.h"
#include "trace.h"

#include <stdint.h>

/* netem's default and the usual length of an interface's queue. */
#define DEFAULT_QUEUE_PACKETS 1000

enum queue_unit { QUEUE_PACKETS, QUEUE_BYTES };

struct settings {
	/* Bit/s, 0: not limited. Exclusive with trace. */
	uint64_t rate;
	/* NULL: none. Held. */
	struct trace *trace;
	/* Nanoseconds. */
	uint64_t delay;
	struct jitter jitter;
	struct loss loss;
	enum queue_unit queue_unit;
	/* UINT64_MAX: not limited. */
	uint64_t queue_limit;
	/* Share of packets that skip the delay. */
	double reorder;
	/* Packets leave in the order in which they came, whatever their jitter. */
	bool keep_order;
	/* Bytes added to each packet's length where rate and trace count. */
	int overhead;
};

enum settings_field {
	FIELD_RATE = 1 << 0, /* and trace: one takes the place of the other */
	FIELD_DELAY = 1 << 1,
	FIELD_JITTER = 1 << 2,
	FIELD_LOSS = 1 << 3,
	FIELD_QUEUE = 1 << 4,
	FIELD_REORDER = 1 << 5,
	FIELD_ORDER = 1 << 6,
	FIELD_OVERHEAD = 1 << 7,
};

/* Settings some of which, the fields, are to change. */
struct settings_change {
	struct settings to;
	unsigned int fields;
};

void settings_default(struct settings *settings);

/*
 * Reads "rate 20mbit delay 10ms loss 1%". text is written to. False with problem filled; then,
 * and after settings_apply, the change is to be released.
 */
bool settings_parse(char *text, struct settings_change *change, struct problem *problem);
void settings_release(struct settings_change *change);
/* Sets in settings what the change contains. */
void settings_apply(struct settings *settings, const struct settings_change *change);

#endif
