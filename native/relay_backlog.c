/*
 * Bytes that wait for a slow sink. Large ones are mapped, not allocated: between small
 * allocations they would keep the thread's heap at its highest point long after they went.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "relay_internal.h"

#define MAPPED_FROM (32u * 1024)

bool relay_backlog_set(struct relay_direction *direction, const uint8_t *data, size_t length)
{
	void *memory;
	if (length > UINT32_MAX)
		return false;
	if (length >= MAPPED_FROM) {
		memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (memory == MAP_FAILED)
			return false;
	} else {
		memory = malloc(length);
		if (memory == NULL)
			return false;
	}
	memcpy(memory, data, length);
	direction->backlog = memory;
	direction->backlog_start = 0;
	direction->backlog_end = (uint32_t)length;
	return true;
}

void relay_backlog_drop(struct relay_direction *direction)
{
	if (direction->backlog_end >= MAPPED_FROM)
		(void)munmap(direction->backlog, direction->backlog_end);
	else
		free(direction->backlog);
	direction->backlog = NULL;
	direction->backlog_start = direction->backlog_end = 0;
}
