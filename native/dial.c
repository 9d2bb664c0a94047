#include "dial.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

enum { EVENTS = 256 };

struct dial {
	int fd;
	int error;
	struct sockaddr_storage to;
	socklen_t length;
	void *user;
	TAILQ_ENTRY(dial) link;  /* in one of the dialer's queues, or collected */
	SLIST_ENTRY(dial) cancel;
	_Atomic uint32_t references; /* the collector's, and one while a cancellation is queued */
	bool cancelled;              /* the caller's: asked for once */
	bool waiting;                /* the thread's, as are the next two: in the epoll set */
	bool ended;
};

TAILQ_HEAD(dials, dial);
SLIST_HEAD(cancels, dial);

struct dialer {
	void (*notify)(void *);
	void *user;
	pthread_t id;
	int epoll, wake;

	pthread_mutex_t mutex; /* guards the next eight */
	struct dials starts, ended;
	struct cancels cancels;
	int *closes; /* descriptors */
	size_t close_count, close_room;
	bool stop;
	bool signalled;

	struct dials waiting; /* the thread's own, as is the next */
	struct dials done;    /* ended, not yet handed over */
};

/* --- on the dialer's thread ---------------------------------------------- */

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

static void *dialer_main(void *argument)
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

/* --- the caller's side ----------------------------------------------------- */

/* No signal is ours to handle. */
static int run(struct dialer *dialer)
{
	sigset_t all, before;
	(void)sigfillset(&all);
	int err = pthread_sigmask(SIG_SETMASK, &all, &before);
	if (err != 0)
		return err;
	err = pthread_create(&dialer->id, NULL, dialer_main, dialer);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return err;
}

static int prepare(struct dialer *dialer)
{
	struct epoll_event event = { .events = EPOLLIN };
	dialer->epoll = epoll_create1(EPOLL_CLOEXEC);
	dialer->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (dialer->epoll < 0 || dialer->wake < 0 ||
	    epoll_ctl(dialer->epoll, EPOLL_CTL_ADD, dialer->wake, &event) != 0)
		return errno;
	return run(dialer);
}

static void discard(struct dialer *dialer)
{
	if (dialer->wake >= 0)
		(void)close(dialer->wake);
	if (dialer->epoll >= 0)
		(void)close(dialer->epoll);
	(void)pthread_mutex_destroy(&dialer->mutex);
	free(dialer->closes);
	free(dialer);
}

int dialer_create(struct dialer **out, void (*notify)(void *), void *user)
{
	struct dialer *dialer = calloc(1, sizeof *dialer);
	if (dialer == NULL)
		return ENOMEM;
	dialer->notify = notify;
	dialer->user = user;
	dialer->epoll = dialer->wake = -1;
	TAILQ_INIT(&dialer->starts);
	TAILQ_INIT(&dialer->ended);
	TAILQ_INIT(&dialer->waiting);
	TAILQ_INIT(&dialer->done);
	SLIST_INIT(&dialer->cancels);
	int err = pthread_mutex_init(&dialer->mutex, NULL);
	if (err != 0) {
		free(dialer);
		return err;
	}
	err = prepare(dialer);
	if (err != 0) {
		discard(dialer);
		return err;
	}
	*out = dialer;
	return 0;
}

int dial_start(struct dialer *dialer, int fd, const struct sockaddr *to, socklen_t length, void *user,
               struct dial **out)
{
	struct dial *dial = calloc(1, sizeof *dial);
	if (dial == NULL)
		return ENOMEM;
	dial->fd = fd;
	dial->length = length;
	dial->user = user;
	dial->references = 1;
	memcpy(&dial->to, to, length);
	(void)pthread_mutex_lock(&dialer->mutex);
	TAILQ_INSERT_TAIL(&dialer->starts, dial, link);
	(void)pthread_mutex_unlock(&dialer->mutex);
	*out = dial;
	return 0;
}

/* With the mutex held. The eventfd's counter cannot overflow: one write per wake. */
static void signal_thread(struct dialer *dialer)
{
	if (dialer->signalled)
		return;
	dialer->signalled = true;
	(void)!write(dialer->wake, &(uint64_t){ 1 }, sizeof(uint64_t));
}

/* Room for one more descriptor; false when there is no memory for it. */
static bool close_room(struct dialer *dialer)
{
	if (dialer->close_count < dialer->close_room)
		return true;
	size_t room = dialer->close_room == 0 ? 64 : 2 * dialer->close_room;
	int *closes = realloc(dialer->closes, room * sizeof *closes);
	if (closes == NULL)
		return false;
	dialer->closes = closes;
	dialer->close_room = room;
	return true;
}

void dialer_close(struct dialer *dialer, int fd)
{
	(void)pthread_mutex_lock(&dialer->mutex);
	bool queued = close_room(dialer);
	if (queued)
		dialer->closes[dialer->close_count++] = fd;
	(void)pthread_mutex_unlock(&dialer->mutex);
	if (!queued)
		(void)close(fd);
}

void dialer_flush(struct dialer *dialer)
{
	(void)pthread_mutex_lock(&dialer->mutex);
	if (!TAILQ_EMPTY(&dialer->starts) || dialer->close_count > 0)
		signal_thread(dialer);
	(void)pthread_mutex_unlock(&dialer->mutex);
}

void dial_cancel(struct dialer *dialer, struct dial *dial)
{
	if (dial->cancelled)
		return;
	dial->cancelled = true;
	dial->references++;
	(void)pthread_mutex_lock(&dialer->mutex);
	SLIST_INSERT_HEAD(&dialer->cancels, dial, cancel);
	signal_thread(dialer);
	(void)pthread_mutex_unlock(&dialer->mutex);
}

struct dial *dialer_collect(struct dialer *dialer)
{
	(void)pthread_mutex_lock(&dialer->mutex);
	struct dial *first = TAILQ_FIRST(&dialer->ended);
	TAILQ_INIT(&dialer->ended);
	(void)pthread_mutex_unlock(&dialer->mutex);
	return first;
}

struct dial *dial_next(const struct dial *dial)
{
	return TAILQ_NEXT(dial, link);
}

void *dial_user(const struct dial *dial)
{
	return dial->user;
}

int dial_error(const struct dial *dial)
{
	return dial->error;
}

void dial_release(struct dial *dial)
{
	if (--dial->references == 0)
		free(dial);
}

void dialer_stop(struct dialer *dialer)
{
	(void)pthread_mutex_lock(&dialer->mutex);
	dialer->stop = true;
	signal_thread(dialer);
	(void)pthread_mutex_unlock(&dialer->mutex);
	(void)pthread_join(dialer->id, NULL);
}

void dialer_free(struct dialer *dialer)
{
	for (struct dial *dial = dialer_collect(dialer), *next; dial != NULL; dial = next) {
		next = dial_next(dial);
		dial_release(dial);
	}
	discard(dialer);
}
