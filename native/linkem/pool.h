/* Memory for packets, taken from the system in slabs and never given back: no allocation per packet. */
#ifndef LINKEM_POOL_H
#define LINKEM_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct packet {
	/* In a queue or in the pool. */
	struct packet *next;
	/* In a delay line: when it leaves, and which of two that leave together goes first. */
	uint64_t release;
	uint64_t order;
	uint32_t length;
	uint8_t data[];
};

struct pool {
	struct packet *free;
	size_t slot;
	size_t capacity;
	/* Bytes taken from the system so far and at most. */
	size_t taken;
	size_t most;
};

/* Packets of up to capacity bytes, within most bytes of memory. False when the first slab is not to be had. */
bool pool_open(struct pool *pool, size_t capacity, size_t most);
/* A packet, or NULL when all memory is in use. */
struct packet *pool_take(struct pool *pool);
void pool_give(struct pool *pool, struct packet *packet);

#endif
