#include "trace.h"

#include "clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* 16 Mi lines are 64 MiB in memory: four hours at 14 Mbit/s. */
#define TRACE_MOST (UINT32_C(1) << 24)
/* About 24 days. */
#define TIMESTAMP_MOST UINT32_C(0x7fffffff)
/* Room for a timestamp and its newline; a longer line is no timestamp. */
#define LINE_SIZE 64

static bool append(struct trace *trace, size_t *room, uint32_t at)
{
	if (trace->count == *room) {
		size_t more = *room ? *room * 2 : 4096;
		uint32_t *grown = reallocarray(trace->at, more, sizeof(*grown));

		if (!grown)
			return false;
		trace->at = grown;
		*room = more;
	}
	trace->at[trace->count++] = at;
	return true;
}

/* A decimal number and nothing else; false otherwise. */
static bool read_timestamp(const char *line, uint32_t *out)
{
	char *end;
	unsigned long value;

	if (*line < '0' || *line > '9')
		return false;
	errno = 0;
	value = strtoul(line, &end, 10);
	if (errno != 0 || *end != '\0' || value > TIMESTAMP_MOST)
		return false;
	*out = (uint32_t)value;
	return true;
}

static bool read_lines(FILE *file, struct trace *trace, struct problem *problem)
{
	char line[LINE_SIZE];
	size_t room = 0;

	while (fgets(line, sizeof(line), file)) {
		uint32_t last = trace->count ? trace->at[trace->count - 1] : 0;
		uint32_t at;

		line[strcspn(line, "\n")] = '\0';
		if (!read_timestamp(line, &at))
			return problem_set(problem, "trace", line, "a timestamp in whole milliseconds at line %zu of %s",
			                   trace->count + 1, trace->path);
		if (at < last)
			return problem_set(problem, "trace", line,
			                   "a timestamp not before the %u of the line above at line %zu of %s", last,
			                   trace->count + 1, trace->path);
		if (trace->count == TRACE_MOST)
			return problem_set(problem, "trace", "more", "at most %u lines in %s", TRACE_MOST, trace->path);
		if (!append(trace, &room, at))
			return problem_set(problem, "trace", strerror(ENOMEM), "enough memory for %s", trace->path);
	}
	if (ferror(file))
		return problem_set(problem, "trace", strerror(errno), "to read %s", trace->path);
	if (trace->count == 0)
		return problem_set(problem, "trace", "an empty file", "one timestamp a line in %s", trace->path);
	if (trace->at[trace->count - 1] == 0)
		return problem_set(problem, "trace", "0", "a last timestamp above 0, the length of the trace, in %s",
		                   trace->path);
	return true;
}

/* Opening anything but a file could block for ever (a FIFO), which no line on stdin may cause. */
static FILE *open_file(const char *path, struct problem *problem)
{
	struct stat status;
	FILE *file;

	if (stat(path, &status) == 0 && !S_ISREG(status.st_mode)) {
		(void)problem_set(problem, "trace", path, "a regular file");
		return NULL;
	}
	file = fopen(path, "re");
	if (!file)
		(void)problem_set(problem, "trace", path, "a readable file (%s)", strerror(errno));
	return file;
}

struct trace *trace_load(const char *path, struct problem *problem)
{
	struct trace *trace = calloc(1, sizeof(*trace));
	FILE *file = open_file(path, problem);
	bool read = false;

	if (trace && file) {
		trace->references = 1;
		trace->path = strdup(path);
		read = trace->path ? read_lines(file, trace, problem)
		                   : problem_set(problem, "trace", strerror(ENOMEM), "enough memory");
	} else if (!trace) {
		(void)problem_set(problem, "trace", strerror(ENOMEM), "enough memory");
	}
	if (file)
		(void)fclose(file);
	if (read)
		return trace;
	if (trace) {
		trace->references = 1;
		trace_release(trace);
	}
	return NULL;
}

struct trace *trace_hold(struct trace *trace)
{
	if (trace)
		trace->references++;
	return trace;
}

void trace_release(struct trace *trace)
{
	if (!trace || --trace->references > 0)
		return;
	free(trace->at);
	free(trace->path);
	free(trace);
}

static uint64_t trace_length(const struct trace *trace)
{
	return trace->at[trace->count - 1] * NS_PER_MS;
}

uint64_t trace_time(const struct trace *trace, const struct trace_position *position)
{
	return position->round + trace->at[position->index] * NS_PER_MS;
}

void trace_next(const struct trace *trace, struct trace_position *position)
{
	if (++position->index < trace->count)
		return;
	position->index = 0;
	position->round += trace_length(trace);
}

/* The first opportunity of the round later than this many nanoseconds into it; count if there is none. */
static size_t first_after(const struct trace *trace, uint64_t into)
{
	size_t low = 0, high = trace->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (trace->at[middle] * NS_PER_MS > into)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

void trace_skip(const struct trace *trace, struct trace_position *position, uint64_t now)
{
	uint64_t length = trace_length(trace);

	if (trace_time(trace, position) > now)
		return;
	position->round += (now - position->round) / length * length;
	position->index = first_after(trace, now - position->round);
	if (position->index == trace->count) {
		position->index = 0;
		position->round += length;
	}
}
