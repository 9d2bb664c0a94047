/* Packets on their way, by the time at which they arrive: a binary heap. */
#ifndef LINKEM_DELAY_LINE_H
#define LINKEM_DELAY_LINE_H

#include "pool.h"

struct delay_line {
	struct packet **heap;
	size_t count;
	size_t room;
	uint64_t bytes;
	/* Packets added so far: those of one release time leave in the order in which they were added. */
	uint64_t added;
};

/* Adds a packet whose release is set. False, and nothing added, when there is no memory. */
bool delay_line_add(struct delay_line *line, struct packet *packet);
/* When the next packet leaves; NEVER when there is none. */
uint64_t delay_line_next(const struct delay_line *line);
/* Takes out the packet that leaves next; there must be one. */
struct packet *delay_line_take(struct delay_line *line);

#endif
