/* The relay engine as callers see it: starting, aborting, collecting, stopping. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/sockios.h>

#include "relay_internal.h"

struct relay_engine {
	void (*notify)(void *);
	void *user;
	unsigned count; /* of threads that run */
	bool stopped;
	pthread_mutex_t mutex; /* guards the next two */
	struct relay *ended, **ended_tail;
	struct relay_thread threads[];
};

/* --- threads ----------------------------------------------------------- */

static int thread_open(struct relay_thread *thread, struct relay_engine *engine)
{
	*thread = (struct relay_thread){ .engine = engine, .next_scan = UINT64_MAX };
	thread->starts_tail = &thread->starts;
	thread->ended_tail = &thread->ended;
	LIST_INIT(&thread->all);
	TAILQ_INIT(&thread->ready);
	SLIST_INIT(&thread->pipes);
	thread->epoll = epoll_create1(EPOLL_CLOEXEC);
	thread->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	thread->buffer = malloc(RELAY_BUFFER);
	if (thread->epoll < 0 || thread->wake < 0 || thread->buffer == NULL)
		return errno;
	struct epoll_event event = { .events = EPOLLIN };
	if (epoll_ctl(thread->epoll, EPOLL_CTL_ADD, thread->wake, &event) != 0)
		return errno;
	return pthread_mutex_init(&thread->mutex, NULL);
}

static void thread_close(struct relay_thread *thread)
{
	relay_pipes_free(thread);
	free(thread->buffer);
	if (thread->wake >= 0)
		(void)close(thread->wake);
	if (thread->epoll >= 0)
		(void)close(thread->epoll);
}

/*
 * No signal is ours to handle, and splice to a socket whose peer has gone raises SIGPIPE,
 * which send can suppress per call and splice cannot: the threads run with all blocked.
 */
static int thread_run(struct relay_thread *thread)
{
	sigset_t all, before;
	(void)sigfillset(&all);
	int err = pthread_sigmask(SIG_SETMASK, &all, &before);
	if (err != 0)
		return err;
	err = pthread_create(&thread->id, NULL, relay_thread_main, thread);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return err;
}

/* With the thread's mutex held. The eventfd's counter cannot overflow: one write per wake. */
static void thread_signal(struct relay_thread *thread)
{
	if (thread->signalled)
		return;
	thread->signalled = true;
	(void)!write(thread->wake, &(uint64_t){ 1 }, sizeof(uint64_t));
}

/* --- engine ------------------------------------------------------------ */

int relay_engine_create(struct relay_engine **out, unsigned threads, void (*notify)(void *), void *user)
{
	struct relay_engine *engine = calloc(1, sizeof *engine + threads * sizeof engine->threads[0]);
	if (engine == NULL)
		return ENOMEM;
	engine->notify = notify;
	engine->user = user;
	engine->ended_tail = &engine->ended;
	int err = pthread_mutex_init(&engine->mutex, NULL);
	if (err != 0) {
		free(engine);
		return err;
	}
	while (err == 0 && engine->count < threads) {
		struct relay_thread *thread = &engine->threads[engine->count];
		err = thread_open(thread, engine);
		if (err == 0)
			err = thread_run(thread);
		if (err == 0)
			engine->count++;
		else
			thread_close(thread);
	}
	if (err != 0) {
		relay_engine_free(engine);
		return err;
	}
	*out = engine;
	return 0;
}

void relay_engine_stop(struct relay_engine *engine)
{
	if (engine->stopped)
		return;
	engine->stopped = true;
	for (unsigned i = 0; i < engine->count; i++) {
		struct relay_thread *thread = &engine->threads[i];
		(void)pthread_mutex_lock(&thread->mutex);
		thread->stop = true;
		thread_signal(thread);
		(void)pthread_mutex_unlock(&thread->mutex);
	}
	for (unsigned i = 0; i < engine->count; i++)
		(void)pthread_join(engine->threads[i].id, NULL);
}

void relay_engine_free(struct relay_engine *engine)
{
	relay_engine_stop(engine);
	for (struct relay *relay = relay_engine_collect(engine), *next; relay != NULL; relay = next) {
		next = relay->next;
		relay_unref(relay);
	}
	for (unsigned i = 0; i < engine->count; i++) {
		thread_close(&engine->threads[i]);
		(void)pthread_mutex_destroy(&engine->threads[i].mutex);
	}
	(void)pthread_mutex_destroy(&engine->mutex);
	free(engine);
}

void relay_publish(struct relay_engine *engine, struct relay *first, struct relay **tail)
{
	(void)pthread_mutex_lock(&engine->mutex);
	bool was_empty = engine->ended == NULL;
	*engine->ended_tail = first;
	engine->ended_tail = tail;
	(void)pthread_mutex_unlock(&engine->mutex);
	if (was_empty)
		engine->notify(engine->user);
}

struct relay *relay_engine_collect(struct relay_engine *engine)
{
	(void)pthread_mutex_lock(&engine->mutex);
	struct relay *first = engine->ended;
	engine->ended = NULL;
	engine->ended_tail = &engine->ended;
	(void)pthread_mutex_unlock(&engine->mutex);
	return first;
}

/* --- one relay --------------------------------------------------------- */

static struct relay_thread *least_loaded(struct relay_engine *engine)
{
	struct relay_thread *best = &engine->threads[0];
	for (unsigned i = 1; i < engine->count; i++)
		if (engine->threads[i].load < best->load)
			best = &engine->threads[i];
	return best;
}

static struct relay *relay_new(int a, int b, const struct relay_options *options)
{
	struct relay *relay = calloc(1, sizeof *relay);
	if (relay == NULL)
		return NULL;
	relay->socket[0].fd = a;
	relay->socket[1].fd = b;
	relay->idle_timeout = options->idle_timeout;
	relay->half_closed_timeout = options->half_closed_timeout;
	relay->stall_timeout = options->stall_timeout;
	relay->user = options->user;
	relay->witness[0] = options->witness[0];
	relay->witness[1] = options->witness[1];
	relay->side = -1;
	relay->references = 2; /* the caller's and the engine's */
	for (int d = 0; d < 2; d++) {
		relay->direction[d].quota = RELAY_BUFFER;
		relay->direction[d].may_splice = options->splice;
	}
	if (options->head_length > 0 &&
	    !relay_backlog_set(&relay->direction[0], options->head, options->head_length)) {
		free(relay);
		return NULL;
	}
	return relay;
}

int relay_start(struct relay_engine *engine, int a, int b, const struct relay_options *options,
                struct relay **out)
{
	if (engine->stopped)
		return ESHUTDOWN;
	struct relay *relay = relay_new(a, b, options);
	if (relay == NULL)
		return ENOMEM;
	struct relay_thread *thread = least_loaded(engine);
	thread->load++;
	relay->thread = thread;
	(void)pthread_mutex_lock(&thread->mutex);
	*thread->starts_tail = relay;
	thread->starts_tail = &relay->next;
	(void)pthread_mutex_unlock(&thread->mutex);
	*out = relay;
	return 0;
}

void relay_engine_flush(struct relay_engine *engine)
{
	for (unsigned i = 0; i < engine->count; i++) {
		struct relay_thread *thread = &engine->threads[i];
		(void)pthread_mutex_lock(&thread->mutex);
		if (thread->starts != NULL)
			thread_signal(thread);
		(void)pthread_mutex_unlock(&thread->mutex);
	}
}

void relay_engine_memory_short(struct relay_engine *engine, bool is_short)
{
	for (unsigned i = 0; i < engine->count && !engine->stopped; i++) {
		struct relay_thread *thread = &engine->threads[i];
		(void)pthread_mutex_lock(&thread->mutex);
		thread->memory_is_short = is_short;
		thread_signal(thread);
		(void)pthread_mutex_unlock(&thread->mutex);
	}
}

static uint64_t queued(int fd, unsigned long which)
{
	int bytes = 0;
	return ioctl(fd, which, &bytes) == 0 && bytes > 0 ? (uint64_t)bytes : 0;
}

uint64_t relay_held(const struct relay *relay)
{
	uint64_t held = 0;
	for (int d = 0; d < 2 && !relay->ended; d++)
		if (atomic_load_explicit(&relay->direction[d].blocked, memory_order_relaxed))
			held += queued(relay->socket[d].fd, SIOCINQ) + queued(relay->socket[1 - d].fd, SIOCOUTQ);
	return held;
}

void relay_hurry(struct relay *relay, bool hurried)
{
	/* An ended relay may have outlived its engine. */
	if (relay->ended || relay->hurried == hurried)
		return;
	struct relay_thread *thread = relay->thread;
	(void)pthread_mutex_lock(&thread->mutex);
	relay->hurried = hurried;
	thread->rescan = true;
	thread_signal(thread);
	(void)pthread_mutex_unlock(&thread->mutex);
}

void relay_abort(struct relay *relay)
{
	/* An ended relay may have outlived its engine. */
	if (relay->ended)
		return;
	struct relay_thread *thread = relay->thread;
	(void)pthread_mutex_lock(&thread->mutex);
	if (!relay->abort_queued) {
		relay->abort_queued = true;
		relay->references++;
		relay->abort_next = thread->aborts;
		thread->aborts = relay;
		thread_signal(thread);
	}
	(void)pthread_mutex_unlock(&thread->mutex);
}

void relay_bytes(const struct relay *relay, uint64_t *up, uint64_t *down)
{
	*up = atomic_load_explicit(&relay->direction[0].delivered, memory_order_relaxed);
	*down = atomic_load_explicit(&relay->direction[1].delivered, memory_order_relaxed);
}

struct relay_result relay_result(const struct relay *relay)
{
	struct relay_result result = { .cause = relay->cause, .side = relay->side, .error = relay->error };
	relay_bytes(relay, &result.up, &result.down);
	return result;
}

void *relay_user(const struct relay *relay)
{
	return relay->user;
}

struct relay *relay_next(const struct relay *relay)
{
	return relay->next;
}

const void *relay_testimony(const struct relay *relay, int side)
{
	return relay->testimony[side];
}

void relay_unref(struct relay *relay)
{
	if (--relay->references > 0)
		return;
	for (int side = 0; side < 2; side++)
		if (relay->testimony[side] != NULL)
			relay->witness[side]->drop(relay->testimony[side]);
	free(relay);
}
