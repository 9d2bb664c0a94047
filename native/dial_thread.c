/* The dialling thread: connects what it is given, and closes what takes long to close. */
#include "dial_internal.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { EVENTS = 256 };

static void end(struct dialer *dialer, struct dial *dial, int error)
{
	if (dial->waiting) {
		(void)epoll_ctl(dialer->epoll, EPOLL_CTL_DEL, dial->fd, NULL);
		TAILQ_REMOVE(&dialer->waiting, dial, link);
		dial->waiting = false;
	}
	dial->error = error;
	dial->ended = true;
	TAILQ_INSERT_TAIL(&dialer->done, dial, link);
}

static bool settled(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLOUT };

	return poll(&poll_fd, 1, 0) > 0;
}

/* Of a settled socket: 0 when it is connected, else the errno value. Takes the pending error. */
static int outcome(int fd)
{
	struct sockaddr_storage peer;
	socklen_t length = sizeof(int), peer_length = sizeof(peer);
	int err = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &length) < 0)
		return errno;
	if (err != 0)
		return err;
	/* No error and no peer: it was shut down, or its error was read by others. */
	return getpeername(fd, (struct sockaddr *)&peer, &peer_length) < 0 ? errno : 0;
}

static void begin(struct dialer *dialer, struct dial *dial)
{
	struct epoll_event event = { .events = EPOLLOUT, .data.ptr = dial };

	if (connect(dial->fd, (struct sockaddr *)&dial->to, dial->length) == 0) {
		end(dialer, dial, 0);
	} else if (errno != EINPROGRESS && errno != EINTR) {
		/* An interrupted connect goes on by itself (connect(2)), as one in progress does. */
		end(dialer, dial, errno);
	} else if (settled(dial->fd)) {
		/* Over loopback the far end has answered by now. */
		end(dialer, dial, outcome(dial->fd));
	} else if (epoll_ctl(dialer->epoll, EPOLL_CTL_ADD, dial->fd, &event) != 0) {
		end(dialer, dial, errno);
	} else {
		dial->waiting = true;
		TAILQ_INSERT_TAIL(&dialer->waiting, dial, link);
	}
}

static void publish(struct dialer *dialer)
{
	if (TAILQ_EMPTY(&dialer->done))
		return;
	(void)pthread_mutex_lock(&dialer->mutex);
	bool was_empty = TAILQ_EMPTY(&dialer->ended);
	TAILQ_CONCAT(&dialer->ended, &dialer->done, link);
	(void)pthread_mutex_unlock(&dialer->mutex);
	if (was_empty)
		dialer->notify(dialer->user);
}

/* Takes what is to be closed; called with the mutex held. */
static int *take_closes(struct dialer *dialer, size_t *count)
{
	int *closes = dialer->closes;

	*count = dialer->close_count;
	dialer->closes = NULL;
	dialer->close_count = dialer->close_room = 0;
	return closes;
}

/* Starts come before cancellations, so that a dial can be cancelled before the thread has seen it. */
static bool run_commands(struct dialer *dialer)
{
	struct dials starts = TAILQ_HEAD_INITIALIZER(starts);
	struct dial *dial;
	uint64_t count;
	(void)!read(dialer->wake, &count, sizeof count);
	(void)pthread_mutex_lock(&dialer->mutex);
	TAILQ_CONCAT(&starts, &dialer->starts, link);
	struct cancels cancels = dialer->cancels;
	SLIST_INIT(&dialer->cancels);
	size_t close_count;
	int *closes = take_closes(dialer, &close_count);
	bool stop = dialer->stop;
	dialer->signalled = false;
	(void)pthread_mutex_unlock(&dialer->mutex);
	while ((dial = TAILQ_FIRST(&starts)) != NULL) {
		TAILQ_REMOVE(&starts, dial, link);
		if (stop)
			end(dialer, dial, ECANCELED);
		else
			begin(dialer, dial);
		/* One by one: whoever collects works on the first while the next is dialled. */
		publish(dialer);
	}
	while ((dial = SLIST_FIRST(&cancels)) != NULL) {
		SLIST_REMOVE_HEAD(&cancels, cancel);
		if (!dial->ended)
			end(dialer, dial, ECANCELED);
		dial_release(dial);
	}
	for (size_t i = 0; i < close_count; i++)
		(void)close(closes[i]);
	free(closes);
	return stop;
}

void *dialer_main(void *argument)
{
	struct dialer *dialer = argument;
	struct epoll_event events[EVENTS];
	bool stop = false;
	while (!stop) {
		int count = epoll_wait(dialer->epoll, events, EVENTS, -1);
		bool commanded = false;
		for (int i = 0; i < count; i++) {
			struct dial *dial = events[i].data.ptr;
			if (dial == NULL)
				commanded = true;
			else
				end(dialer, dial, outcome(dial->fd));
		}
		if (commanded)
			stop = run_commands(dialer);
		while (stop && !TAILQ_EMPTY(&dialer->waiting))
			end(dialer, TAILQ_FIRST(&dialer->waiting), ECANCELED);
		publish(dialer);
	}
	return NULL;
}
