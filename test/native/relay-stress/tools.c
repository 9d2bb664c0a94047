/* A reproducible random number, the pattern that peers send, and the end of a stress that found something. */
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stress.h"

static uint64_t state;

void die(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	(void)vfprintf(stderr, format, arguments);
	va_end(arguments);
	(void)fputc('\n', stderr);
	exit(1);
}

void random_seed(uint64_t seed)
{
	state = seed;
}

uint32_t below(uint32_t limit)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((state >> 33) % limit);
}

/* The byte at an offset of what a peer with this key sends. */
uint8_t pattern(uint32_t key, size_t offset)
{
	uint64_t x = (offset + key) * 0x9E3779B97F4A7C15u;
	return (uint8_t)(x >> 56);
}

/* How many this process has open. */
size_t descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	size_t count = 0;
	if (directory == NULL)
		die("/proc/self/fd: %s", strerror(errno));
	while (readdir(directory) != NULL)
		count++;
	(void)closedir(directory);
	return count;
}
