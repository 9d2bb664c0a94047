#include "link.h"

#include "clock.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* A VLAN tag may come on top of the MTU. */
#define VLAN_TAG 4

void link_init(struct link *link, uint64_t seed, uint64_t now)
{
	*link = (struct link){.started = now};
	for (int i = 0; i < 2; i++) {
		link->taps[i].fd = link->taps[i].counters = -1;
		direction_open(&link->directions[i], i == 0 ? "a>b" : "b>a", &link->pool, seed, (uint64_t)i);
	}
}

bool link_open_pool(struct link *link, int mtu, size_t memory)
{
	/* One byte more than can come, so that a packet that was cut off is told from one that just fits. */
	return pool_open(&link->pool, (size_t)mtu + ETHER_HDR_LEN + VLAN_TAG + 1, memory);
}

void link_close(struct link *link)
{
	for (int i = 0; i < 2; i++) {
		tap_close(&link->taps[i]);
		direction_close(&link->directions[i]);
	}
}

/* Which directions a line is about; both without a word. Moves *text behind it. */
static unsigned int take_directions(char **text)
{
	static const char *const words[] = {"both", "a>b", "b>a"};
	static const unsigned int directions[] = {3, 1, 2};
	char *start = *text + strspn(*text, " \t");
	size_t length = strcspn(start, " \t");

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strlen(words[i]) != length || strncmp(start, words[i], length) != 0)
			continue;
		*text = start + length;
		return directions[i];
	}
	return 3;
}

bool link_change(struct link *link, char *text, uint64_t now, struct problem *problem)
{
	unsigned int which = take_directions(&text);
	struct settings_change change;
	bool understood = settings_parse(text, &change, problem);

	for (int i = 0; understood && i < 2; i++) {
		if (which & (1U << i))
			direction_change(&link->directions[i], &change, now);
	}
	settings_release(&change);
	return understood;
}

bool link_set_down(struct link *link, bool down, uint64_t now, struct problem *problem)
{
	for (int i = 0; i < 2; i++) {
		if (tap_set_carrier(&link->taps[i], !down) == 0)
			continue;
		(void)problem_set(problem, down ? "down" : "up", strerror(errno), "%s to take the change of carrier",
		                  link->taps[i].name);
		/* The other end goes back to what it was; it took the opposite a moment ago. */
		if (i == 1)
			(void)tap_set_carrier(&link->taps[0], down);
		return false;
	}
	link->down = down;
	for (int i = 0; i < 2; i++)
		direction_set_down(&link->directions[i], down, now);
	return true;
}

static ssize_t read_packet(const struct tap *tap, uint8_t *data, size_t size)
{
	ssize_t length;

	do
		length = read(tap->fd, data, size);
	while (length < 0 && errno == EINTR);
	return length;
}

/* Takes a packet out of the device when there is no memory to keep it. */
static ssize_t read_away(struct link *link, int side)
{
	struct counters *counters = &link->directions[side].counters;
	uint8_t scratch[UINT16_MAX];
	ssize_t length = read_packet(&link->taps[side], scratch, sizeof(scratch));

	if (length < 0)
		return length;
	counters->in.packets++;
	counters->in.bytes += (uint64_t)length;
	counters->dropped_memory.packets++;
	counters->dropped_memory.bytes += (uint64_t)length;
	return length;
}

bool link_read(struct link *link, int side, unsigned int budget)
{
	for (; budget > 0; budget--) {
		struct packet *packet = pool_take(&link->pool);
		ssize_t length = packet ? read_packet(&link->taps[side], packet->data, link->pool.capacity)
		                        : read_away(link, side);

		if (length >= 0 && packet) {
			packet->length = (uint32_t)length;
			direction_enter(&link->directions[side], packet, clock_now());
		} else if (packet) {
			pool_give(&link->pool, packet);
		}
		/* EIO: the interface is down at this end. */
		if (length < 0)
			return errno == EAGAIN || errno == EIO;
	}
	return true;
}

static bool write_packet(void *receiver, const struct packet *packet)
{
	const struct tap *tap = receiver;
	ssize_t length;

	do
		length = write(tap->fd, packet->data, packet->length);
	while (length < 0 && errno == EINTR);
	return length == (ssize_t)packet->length;
}

void link_run(struct link *link, unsigned int budget)
{
	for (int i = 0; i < 2; i++)
		direction_run(&link->directions[i], clock_now(), budget, write_packet, &link->taps[!i]);
}

uint64_t link_next(const struct link *link)
{
	uint64_t one = direction_next(&link->directions[0]);
	uint64_t other = direction_next(&link->directions[1]);

	return one < other ? one : other;
}
