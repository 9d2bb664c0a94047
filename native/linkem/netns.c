#include "netns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifndef NSFS_MAGIC
#define NSFS_MAGIC 0x6e736673
#endif

/* False when it is too long for a path. */
static bool namespace_path(const char *text, char *path, size_t size)
{
	const char *format = "/run/netns/%s";
	int length;

	if (text[0] != '\0' && strspn(text, "0123456789") == strlen(text))
		format = "/proc/%s/ns/net";
	else if (strchr(text, '/'))
		format = "%s";
	length = snprintf(path, size, format, text);
	return length > 0 && (size_t)length < size;
}

int netns_open(const char *field, const char *text, struct problem *problem)
{
	char path[PATH_MAX];
	struct statfs status;
	int fd;

	if (!namespace_path(text, path, sizeof(path))) {
		(void)problem_set(problem, field, text, "a pid, a name or a path of a network namespace");
		return -1;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		(void)problem_set(problem, field, text, "a network namespace at %s (%s)", path, strerror(errno));
		return -1;
	}
	/* `ip netns` leaves an ordinary file behind when a namespace's mount is gone. */
	if (fstatfs(fd, &status) != 0 || status.f_type != NSFS_MAGIC) {
		(void)problem_set(problem, field, text, "a network namespace at %s", path);
		(void)close(fd);
		return -1;
	}
	return fd;
}

int netns_enter(int fd)
{
	return setns(fd, CLONE_NEWNET);
}
