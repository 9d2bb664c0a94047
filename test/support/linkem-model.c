/*
 * The link emulator's model (everything but devices and event loop) on a clock of its own.
 * Standard input, in order of time (nanoseconds):
 *   TIME packet a|b LENGTH [COUNT [EVERY]]   COUNT packets into end a or b, one each EVERY ns
 *   TIME set LINE                            a line of the control protocol that changes settings
 *   TIME down | TIME up
 *   TIME stats
 * Standard output: "TIME DIRECTION NUMBER LENGTH" for each packet delivered, NUMBER counting those
 * sent into that end, and the lines of JSON that set and stats answer. All that is still on the link
 * after the last line is delivered.
 */
#include "../../native/linkem/clock.h"
#include "../../native/linkem/link.h"
#include "../../native/linkem/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MTU 65521
#define MEMORY (UINT64_C(1) << 31)

static struct link link_;
static uint64_t now;
static uint32_t sent[2];

static bool print_packet(void *receiver, const struct packet *packet)
{
	uint32_t number;

	memcpy(&number, packet->data, sizeof(number));
	(void)printf("%" PRIu64 " %s %u %u\n", now, (const char *)receiver, number, packet->length);
	return true;
}

/* Lets time pass up to this moment, stopping wherever the model asked to be woken. */
static void pass(uint64_t until)
{
	for (;;) {
		uint64_t next = link_next(&link_);

		if (next > until || next == NEVER)
			break;
		if (next > now)
			now = next;
		for (int i = 0; i < 2; i++)
			direction_run(&link_.directions[i], now, 32, print_packet, i == 0 ? "a>b" : "b>a");
	}
	if (until != NEVER)
		now = until;
}

static bool send_packets(const char *text)
{
	char end;
	unsigned int length, count = 1;
	uint64_t every = 0;
	uint64_t from = now;

	if (sscanf(text, " %c %u %u %" SCNu64, &end, &length, &count, &every) < 2)
		return false;
	for (unsigned int i = 0; i < count; i++) {
		struct packet *packet = pool_take(&link_.pool);
		int side = end == 'b';

		if (!packet || length < sizeof(sent[side]) || length > link_.pool.capacity)
			return false;
		pass(from + i * every);
		memcpy(packet->data, &sent[side], sizeof(sent[side]));
		sent[side]++;
		packet->length = length;
		direction_enter(&link_.directions[side], packet, now);
	}
	return true;
}

static void answer(bool good, const struct problem *problem, bool stats)
{
	char text[8192];
	struct json json;

	if (good) {
		report_begin(&json, text, sizeof(text));
		if (stats)
			report_stats(&json, &link_, now);
		report_end(&json);
	} else {
		json_begin(&json, text, sizeof(text));
		report_problem(&json, problem);
	}
	(void)puts(text);
}

static bool obey(char *line)
{
	struct problem problem = {.field = ""};
	char *rest;
	uint64_t at = strtoull(line, &rest, 10);

	line[strcspn(line, "\n")] = '\0';
	pass(at);
	if (strncmp(rest, " packet ", 8) == 0)
		return send_packets(rest + 8);
	if (strncmp(rest, " set ", 5) == 0) {
		bool good = link_change(&link_, rest + 5, now, &problem);

		answer(good, &problem, false);
	} else if (strcmp(rest, " down") == 0 || strcmp(rest, " up") == 0) {
		for (int i = 0; i < 2; i++)
			direction_set_down(&link_.directions[i], rest[1] == 'd', now);
	} else if (strcmp(rest, " stats") == 0) {
		answer(true, &problem, true);
	} else {
		return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	char line[2048];
	bool good;

	link_init(&link_, argc > 1 ? strtoull(argv[1], NULL, 10) : 1, 0);
	good = link_open_pool(&link_, MTU, MEMORY);
	while (good && fgets(line, sizeof(line), stdin)) {
		good = obey(line);
		if (!good)
			(void)fprintf(stderr, "not understood: %s\n", line);
	}
	pass(NEVER);
	answer(true, NULL, true);
	link_close(&link_);
	return good ? 0 : 1;
}
