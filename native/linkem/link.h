/* A link: two tap devices and what happens to packets between them, each direction on its own. */
#ifndef LINKEM_LINK_H
#define LINKEM_LINK_H

#include "direction.h"
#include "pool.h"
#include "problem.h"
#include "tap.h"

struct link {
	struct pool pool;
	/* End a, end b. */
	struct tap taps[2];
	/* directions[i] takes packets from taps[i] to taps[!i]. */
	struct direction directions[2];
	bool down;
	uint64_t started;
};

/* Sets defaults; devices and memory come with link_open. */
void link_init(struct link *link, uint64_t seed, uint64_t now);
/* Memory for packets of this MTU, at most so many bytes of it. */
bool link_open_pool(struct link *link, int mtu, size_t memory);
void link_close(struct link *link);

/*
 * Changes settings as a line says: "delay 50ms", "a>b rate 20mbit loss 1%". text is written to.
 * False with problem filled and nothing changed.
 */
bool link_change(struct link *link, char *text, uint64_t now, struct problem *problem);
/* Pulls the cable or puts it back. False with problem filled and nothing changed. */
bool link_set_down(struct link *link, bool down, uint64_t now, struct problem *problem);

/* Takes packets from a device, at most budget. False with errno when the device is gone. */
bool link_read(struct link *link, int side, unsigned int budget);
/* Delivers what is due, at most budget packets in each direction. */
void link_run(struct link *link, unsigned int budget);
/* When link_run will next have something to do; NEVER if only packets that come in can change that. */
uint64_t link_next(const struct link *link);

#endif
