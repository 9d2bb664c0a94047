/* The caller's side of the dialling thread: its life, and what is asked of it. */
#include "dial_internal.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

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
