#include "delay_line.h"

#include "clock.h"

#include <stdlib.h>

/* Doubled when full, so that growing is rare. */
#define FIRST_ROOM 1024

static bool earlier(const struct packet *one, const struct packet *other)
{
	return one->release != other->release ? one->release < other->release : one->order < other->order;
}

static bool grow(struct delay_line *line)
{
	size_t room = line->room ? line->room * 2 : FIRST_ROOM;
	struct packet **heap = reallocarray(line->heap, room, sizeof(struct packet *));

	if (!heap)
		return false;
	line->heap = heap;
	line->room = room;
	return true;
}

bool delay_line_add(struct delay_line *line, struct packet *packet)
{
	size_t at;

	if (line->count == line->room && !grow(line))
		return false;
	packet->order = line->added++;
	line->bytes += packet->length;
	for (at = line->count++; at > 0 && earlier(packet, line->heap[(at - 1) / 2]); at = (at - 1) / 2)
		line->heap[at] = line->heap[(at - 1) / 2];
	line->heap[at] = packet;
	return true;
}

uint64_t delay_line_next(const struct delay_line *line)
{
	return line->count > 0 ? line->heap[0]->release : NEVER;
}

struct packet *delay_line_take(struct delay_line *line)
{
	struct packet *first = line->heap[0];
	struct packet *last = line->heap[--line->count];
	size_t at = 0;

	for (;;) {
		size_t child = 2 * at + 1;

		if (child + 1 < line->count && earlier(line->heap[child + 1], line->heap[child]))
			child++;
		if (child >= line->count || earlier(last, line->heap[child]))
			break;
		line->heap[at] = line->heap[child];
		at = child;
	}
	line->heap[at] = last;
	line->bytes -= first->length;
	return first;
}
