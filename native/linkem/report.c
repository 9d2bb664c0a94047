#include "report.h"

#include "clock.h"

#include <stdio.h>

void report_problem(struct json *json, const struct problem *problem)
{
	char message[sizeof(struct problem) + 32];

	(void)snprintf(message, sizeof(message), "%s: expected %s, found \"%s\"", problem->field, problem->expected,
	               problem->found);
	json_bool(json, "ok", false);
	json_open(json, "error");
	json_string(json, "field", problem->field);
	json_string(json, "expected", problem->expected);
	json_string(json, "found", problem->found);
	json_string(json, "message", message);
	json_close(json);
	json_close(json);
}

void report_begin(struct json *json, char *text, size_t size)
{
	json_begin(json, text, size);
	json_bool(json, "ok", true);
}

void report_end(struct json *json)
{
	json_close(json);
}

static void put_amount(struct json *json, const char *key, uint64_t packets, uint64_t bytes)
{
	json_open(json, key);
	json_integer(json, "packets", (int64_t)packets);
	json_integer(json, "bytes", (int64_t)bytes);
	json_close(json);
}

static void put_counter(struct json *json, const char *key, const struct amount *amount)
{
	put_amount(json, key, amount->packets, amount->bytes);
}

static void put_dropped(struct json *json, const struct counters *counters, const struct tap *from)
{
	uint64_t before;

	json_open(json, "dropped");
	put_counter(json, "queue", &counters->dropped_queue);
	put_counter(json, "loss", &counters->dropped_loss);
	put_counter(json, "down", &counters->dropped_down);
	put_counter(json, "receiver", &counters->dropped_receiver);
	put_counter(json, "memory", &counters->dropped_memory);
	put_counter(json, "length", &counters->dropped_length);
	json_close(json);
	/* Not part of "in": the emulator never saw them. */
	if (tap_dropped(from, &before))
		json_integer(json, "deviceDropped", (int64_t)before);
	else
		json_null(json, "deviceDropped");
}

static void put_direction(struct json *json, const struct direction *direction, const struct tap *from)
{
	const struct counters *counters = &direction->counters;
	const struct queue *queue = &direction->queue;

	json_open(json, direction->name);
	put_counter(json, "in", &counters->in);
	put_counter(json, "delivered", &counters->delivered);
	put_dropped(json, counters, from);
	put_amount(json, "queue", queue->packets, queue->bytes);
	put_amount(json, "queueMax", queue->most_packets, queue->most_bytes);
	put_amount(json, "delayed", direction->line.count, direction->line.bytes);
	json_open(json, "late");
	json_number(json, "maxMs", (double)counters->latest_ns / (double)NS_PER_MS);
	json_integer(json, "over1ms", (int64_t)counters->late_over_1ms);
	json_close(json);
	json_close(json);
}

void report_stats(struct json *json, const struct link *link, uint64_t now)
{
	json_open(json, "stats");
	json_number(json, "uptimeMs", (double)(now - link->started) / (double)NS_PER_MS);
	json_bool(json, "down", link->down);
	for (int i = 0; i < 2; i++)
		put_direction(json, &link->directions[i], &link->taps[i]);
	json_close(json);
}

static void put_loss(struct json *json, const struct loss *loss)
{
	json_open(json, "loss");
	if (loss->kind == LOSS_RANDOM) {
		json_string(json, "model", "random");
		json_number(json, "percent", loss->probability * 100);
	} else {
		json_string(json, "model", "gilbert");
		json_number(json, "pPercent", loss->p * 100);
		json_number(json, "rPercent", loss->r * 100);
		json_number(json, "badPercent", loss->in_bad * 100);
		json_number(json, "goodPercent", loss->in_good * 100);
	}
	json_close(json);
}

static void put_queue_limit(struct json *json, const struct settings *settings)
{
	const char *key = settings->queue_unit == QUEUE_PACKETS ? "queuePackets" : "queueBytes";

	if (settings->queue_limit == UINT64_MAX)
		json_null(json, key);
	else
		json_integer(json, key, (int64_t)settings->queue_limit);
}

static void put_settings(struct json *json, const char *name, const struct settings *settings)
{
	json_open(json, name);
	if (settings->trace)
		json_string(json, "trace", settings->trace->path);
	else if (settings->rate)
		json_integer(json, "rateBits", (int64_t)settings->rate);
	else
		json_null(json, "rateBits");
	json_number(json, "delayMs", (double)settings->delay / (double)NS_PER_MS);
	json_number(json, "jitterMs", (double)settings->jitter.size / (double)NS_PER_MS);
	json_string(json, "jitterModel", settings->jitter.kind == JITTER_NORMAL ? "normal" : "uniform");
	put_loss(json, &settings->loss);
	put_queue_limit(json, settings);
	json_number(json, "reorderPercent", settings->reorder * 100);
	json_string(json, "order", settings->keep_order ? "keep" : "free");
	json_integer(json, "overheadBytes", settings->overhead);
	json_close(json);
}

void report_settings(struct json *json, const struct link *link)
{
	json_open(json, "settings");
	for (int i = 0; i < 2; i++)
		put_settings(json, link->directions[i].name, &link->directions[i].settings);
	json_close(json);
}

static void put_tap(struct json *json, const char *key, const struct tap *tap)
{
	const uint8_t *mac = tap->mac.ether_addr_octet;
	char text[18];

	(void)snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
	               mac[5]);
	json_open(json, key);
	json_string(json, "name", tap->name);
	json_integer(json, "index", tap->index);
	json_string(json, "mac", text);
	json_close(json);
}

void report_ready(struct json *json, const struct link *link, int mtu, uint64_t seed, bool realtime)
{
	json_open(json, "ready");
	put_tap(json, "a", &link->taps[0]);
	put_tap(json, "b", &link->taps[1]);
	json_integer(json, "mtu", mtu);
	json_integer(json, "seed", (int64_t)seed);
	json_bool(json, "realtime", realtime);
	json_close(json);
}
