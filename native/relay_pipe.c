/*
 * Pipes for splice. A direction holds one only while bytes are in it, so idle relays cost
 * none; a thread keeps some empty ones, because making a large pipe costs more than a splice.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "relay_internal.h"

static void pipe_close(struct relay_pipe *pipe)
{
	(void)close(pipe->read);
	(void)close(pipe->write);
	free(pipe);
}

static struct relay_pipe *pipe_open(void)
{
	struct relay_pipe *pipe = calloc(1, sizeof *pipe);
	int ends[2];
	if (pipe == NULL)
		return NULL;
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
		free(pipe);
		return NULL;
	}
	pipe->read = ends[0];
	pipe->write = ends[1];
	/* Refused to ordinary users beyond fs.pipe-user-pages-soft; a smaller pipe works too. */
	int size = fcntl(pipe->write, F_SETPIPE_SZ, RELAY_PIPE);
	if (size < 0)
		size = fcntl(pipe->write, F_GETPIPE_SZ);
	pipe->slots = size > 0 ? (uint32_t)(size / sysconf(_SC_PAGESIZE)) : 1;
	return pipe;
}

struct relay_pipe *relay_pipe_take(struct relay_thread *thread)
{
	struct relay_pipe *pipe = SLIST_FIRST(&thread->pipes);
	if (pipe == NULL)
		return pipe_open();
	SLIST_REMOVE_HEAD(&thread->pipes, link);
	thread->spare_pipes--;
	return pipe;
}

void relay_pipe_give(struct relay_thread *thread, struct relay_pipe *pipe, bool empty)
{
	if (!empty || thread->spare_pipes >= RELAY_SPARE_PIPES) {
		pipe_close(pipe);
		return;
	}
	SLIST_INSERT_HEAD(&thread->pipes, pipe, link);
	thread->spare_pipes++;
}

void relay_pipes_free(struct relay_thread *thread)
{
	while (!SLIST_EMPTY(&thread->pipes))
		pipe_close(relay_pipe_take(thread));
	thread->spare_pipes = 0;
}
