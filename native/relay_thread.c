/* One relay thread: epoll, the commands of other threads, ends. */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "relay_internal.h"

enum { EVENTS = 256 };

static uint64_t now_ms(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void make_ready(struct relay_thread *thread, struct relay *relay)
{
	if (relay->is_ready)
		return;
	relay->is_ready = true;
	TAILQ_INSERT_TAIL(&thread->ready, relay, ready);
}

/* --- ends -------------------------------------------------------------- */

static void release(struct relay_thread *thread, struct relay_direction *direction)
{
	if (direction->pipe != NULL)
		relay_pipe_give(thread, direction->pipe, direction->in_pipe == 0);
	direction->pipe = NULL;
	relay_backlog_drop(direction);
}

/* Ends the relay once; it is published when the events at hand have been dealt with. */
void relay_end(struct relay *relay, enum relay_cause cause, int side, int error)
{
	struct relay_thread *thread = relay->thread;
	if (relay->ended)
		return;
	relay->cause = (uint8_t)cause;
	relay->side = (int8_t)side;
	relay->error = error;
	if (cause == RELAY_EOF)
		relay_timers_bound_close(relay);
	for (int i = 0; i < 2; i++) {
		struct relay_socket *socket = &relay->socket[i];
		const struct linger reset = { .l_onoff = 1, .l_linger = 0 };
		if (socket->registered)
			(void)epoll_ctl(thread->epoll, EPOLL_CTL_DEL, socket->fd, NULL);
		/* Fails only on what is not a socket, and then there is nothing to reset. */
		if (cause != RELAY_EOF)
			(void)setsockopt(socket->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
		release(thread, &relay->direction[i]);
	}
	LIST_REMOVE(relay, all);
	if (relay->is_ready)
		TAILQ_REMOVE(&thread->ready, relay, ready);
	relay->is_ready = false;
	relay->next = NULL;
	*thread->ended_tail = relay;
	thread->ended_tail = &relay->next;
	thread->load--;
	relay->ended = true;
}

static void publish(struct relay_thread *thread)
{
	if (thread->ended == NULL)
		return;
	struct relay *first = thread->ended;
	struct relay **tail = thread->ended_tail;
	thread->ended = NULL;
	thread->ended_tail = &thread->ended;
	relay_publish(thread->engine, first, tail);
}

/* --- commands ---------------------------------------------------------- */

static void adopt(struct relay_thread *thread, struct relay *relay)
{
	LIST_INSERT_HEAD(&thread->all, relay, all);
	relay_timers_begin(relay);
	for (int i = 0; i < 2; i++) {
		/* The side travels in the pointer's lowest bit. */
		struct epoll_event event = {
			.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET,
			.data.u64 = (uint64_t)(uintptr_t)relay | (uint64_t)i,
		};
		/* TCP would drop the byte at the urgent mark; MPTCP has no such thing and refuses. */
		(void)setsockopt(relay->socket[i].fd, SOL_SOCKET, SO_OOBINLINE, &(int){ 1 }, sizeof(int));
		/* What is ready already is reported by the next epoll_wait. */
		if (epoll_ctl(thread->epoll, EPOLL_CTL_ADD, relay->socket[i].fd, &event) != 0) {
			relay_end(relay, RELAY_RESET, i, errno);
			return;
		}
		relay->socket[i].registered = true;
	}
}

/* Starts come before aborts, so that a relay can be aborted before its thread has seen it. True when told to stop. */
static bool run_commands(struct relay_thread *thread)
{
	uint64_t count;
	(void)!read(thread->wake, &count, sizeof count);
	(void)pthread_mutex_lock(&thread->mutex);
	struct relay *starts = thread->starts, *aborts = thread->aborts;
	bool stop = thread->stop, memory_short = thread->memory_is_short, rescan = thread->rescan;
	thread->rescan = false;
	thread->starts = NULL;
	thread->starts_tail = &thread->starts;
	thread->aborts = NULL;
	thread->signalled = false;
	(void)pthread_mutex_unlock(&thread->mutex);
	/* The scan that follows takes a look at everybody who stalls at present. */
	if (memory_short != thread->memory_short || rescan)
		thread->next_scan = thread->now;
	thread->memory_short = memory_short;
	for (struct relay *relay = starts, *next; relay != NULL; relay = next) {
		next = relay->next;
		adopt(thread, relay);
	}
	for (struct relay *relay = aborts, *next; relay != NULL; relay = next) {
		next = relay->abort_next;
		relay_end(relay, RELAY_ABORTED, -1, 0);
		relay_unref(relay);
	}
	return stop;
}

/* --- events ------------------------------------------------------------ */

static void note(struct relay_thread *thread, const struct epoll_event *event)
{
	struct relay *relay = (struct relay *)(uintptr_t)(event->data.u64 & ~(uint64_t)1);
	struct relay_socket *socket = &relay->socket[event->data.u64 & 1];
	uint32_t events = event->events;
	if (events & (EPOLLERR | EPOLLHUP)) {
		/* The next call shows what it is about; settle() in relay_pump.c is for when there is none. */
		socket->broken = true;
		if (events & EPOLLHUP)
			socket->hung_up = true;
		events |= EPOLLIN | EPOLLOUT;
	}
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLPRI))
		socket->readable = true;
	if (events & EPOLLOUT)
		socket->writable = true;
	if (events & EPOLLRDHUP) {
		struct relay_direction *from = &relay->direction[event->data.u64 & 1];
		socket->ending = true;
		/* Noticed also while its bytes wait for a slow sink, and so before it is read. */
		if (from->ended_at == 0)
			from->ended_at = thread->now;
	}
	if (events & EPOLLPRI)
		socket->urgent = true;
	make_ready(thread, relay);
}

/* One turn each; who exhausts its budget queues up again behind the others. */
static void pump_ready(struct relay_thread *thread)
{
	struct relay_ready turn = TAILQ_HEAD_INITIALIZER(turn);
	TAILQ_CONCAT(&turn, &thread->ready, ready);
	while (!TAILQ_EMPTY(&turn)) {
		struct relay *relay = TAILQ_FIRST(&turn);
		TAILQ_REMOVE(&turn, relay, ready);
		relay->is_ready = false;
		if (relay_pump(relay))
			make_ready(thread, relay);
	}
}

static int wait_time(const struct relay_thread *thread)
{
	if (!TAILQ_EMPTY(&thread->ready))
		return 0;
	if (thread->next_scan == UINT64_MAX)
		return -1;
	uint64_t now = now_ms();
	if (thread->next_scan <= now)
		return 0;
	uint64_t left = thread->next_scan - now;
	return left > 3600000 ? 3600000 : (int)left;
}

void *relay_thread_main(void *argument)
{
	struct relay_thread *thread = argument;
	struct epoll_event events[EVENTS];
	bool stop = false;
	while (!stop) {
		int count = epoll_wait(thread->epoll, events, EVENTS, wait_time(thread));
		bool commanded = false;
		thread->now = now_ms();
		for (int i = 0; i < count; i++) {
			if (events[i].data.u64 == 0)
				commanded = true;
			else
				note(thread, &events[i]);
		}
		if (commanded)
			stop = run_commands(thread);
		if (!stop)
			pump_ready(thread);
		if (thread->now >= thread->next_scan)
			relay_timers_scan(thread);
		while (stop && !LIST_EMPTY(&thread->all))
			relay_end(LIST_FIRST(&thread->all), RELAY_ABORTED, -1, 0);
		publish(thread);
	}
	return NULL;
}
