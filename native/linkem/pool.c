#include "pool.h"

#include <stdalign.h>
#include <sys/mman.h>

#define SLAB_PACKETS 512

static bool add_slab(struct pool *pool)
{
	size_t size = pool->slot * SLAB_PACKETS;
	uint8_t *slab;

	if (size > pool->most - pool->taken)
		return false;
	slab = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (slab == MAP_FAILED)
		return false;
	pool->taken += size;
	for (size_t i = 0; i < SLAB_PACKETS; i++)
		pool_give(pool, (struct packet *)(void *)(slab + i * pool->slot));
	return true;
}

bool pool_open(struct pool *pool, size_t capacity, size_t most)
{
	size_t alignment = alignof(struct packet);

	*pool = (struct pool){.capacity = capacity, .most = most};
	pool->slot = (sizeof(struct packet) + capacity + alignment - 1) / alignment * alignment;
	return add_slab(pool);
}

struct packet *pool_take(struct pool *pool)
{
	struct packet *packet;

	if (!pool->free && !add_slab(pool))
		return NULL;
	packet = pool->free;
	pool->free = packet->next;
	packet->next = NULL;
	return packet;
}

void pool_give(struct pool *pool, struct packet *packet)
{
	packet->next = pool->free;
	pool->free = packet;
}
