/* What the dialling thread (dial_thread.c) and its caller's side (dial.c) share. */
#ifndef MPTK_DIAL_INTERNAL_H
#define MPTK_DIAL_INTERNAL_H

#include "dial.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

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

/* The thread, until the dialer is told to stop. */
void *dialer_main(void *dialer);

#endif
