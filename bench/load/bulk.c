/* Many bytes through a few connections: one blocking thread each, started together. */
#define _GNU_SOURCE
#include "load.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct stream {
	int fd;
	uint64_t bytes;
	pthread_t thread;
};

static void *buffer(void)
{
	void *bytes = calloc(1, BULK_BUFFER);

	if (bytes == NULL)
		die("calloc");
	return bytes;
}

/* Sends and waits for the sink's count: done is when the far end has it all. */
static void *send_stream(void *argument)
{
	struct stream *stream = argument;
	uint8_t *bytes = buffer();
	uint64_t rest, counted;

	for (rest = stream->bytes; rest > 0;) {
		size_t length = rest < BULK_BUFFER ? (size_t)rest : BULK_BUFFER;

		send_all(stream->fd, bytes, length);
		rest -= length;
	}
	recv_all(stream->fd, &counted, sizeof counted);
	if (counted != stream->bytes)
		die_message("sent %llu bytes, %llu arrived", (unsigned long long)stream->bytes,
			    (unsigned long long)counted);
	free(bytes);
	return NULL;
}

static void *fetch_stream(void *argument)
{
	struct stream *stream = argument;
	uint8_t *bytes = buffer();
	uint64_t counted = 0;

	for (;;) {
		ssize_t got = recv(stream->fd, bytes, BULK_BUFFER, 0);

		if (got < 0)
			die("recv");
		if (got == 0)
			break;
		counted += (uint64_t)got;
	}
	if (counted != stream->bytes)
		die_message("expected %llu bytes, %llu arrived", (unsigned long long)stream->bytes,
			    (unsigned long long)counted);
	free(bytes);
	return NULL;
}

static void run(const struct target *target, uint64_t bytes, unsigned count, void *(*work)(void *))
{
	struct stream streams[MAX_STREAMS];
	double start, seconds;

	for (unsigned i = 0; i < count; i++) {
		streams[i].fd = open_session(target, i);
		streams[i].bytes = bytes / count;
	}
	start = now();
	for (unsigned i = 0; i < count; i++) {
		errno = pthread_create(&streams[i].thread, NULL, work, &streams[i]);
		if (errno != 0)
			die("pthread_create");
	}
	for (unsigned i = 0; i < count; i++) {
		errno = pthread_join(streams[i].thread, NULL);
		if (errno != 0)
			die("pthread_join");
	}
	seconds = now() - start;
	for (unsigned i = 0; i < count; i++) {
		if (close(streams[i].fd) != 0)
			die("close");
	}
	printf("{\"bytes\":%llu,\"seconds\":%.6f}\n", (unsigned long long)(bytes / count * count), seconds);
}

void run_send(const struct target *target, uint64_t bytes, unsigned streams)
{
	run(target, bytes, streams, send_stream);
}

void run_fetch(const struct target *target, uint64_t bytes, unsigned streams)
{
	run(target, bytes, streams, fetch_stream);
}
