/* What the relay's own files share. */
#ifndef MPTK_RELAY_INTERNAL_H
#define MPTK_RELAY_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include "relay.h"

/* One recv; also the ceiling of what a direction holds in memory for a slow sink. */
#define RELAY_BUFFER (256u * 1024)
/* Requested of F_SETPIPE_SZ; 256 pages keep a splice call busy for hundreds of microseconds. */
#define RELAY_PIPE (1024u * 1024)
/* Empty pipes a thread keeps for reuse. */
#define RELAY_SPARE_PIPES 32

struct relay_pipe {
	SLIST_ENTRY(relay_pipe) link;
	int read, write;
	uint32_t slots; /* how many pieces fit; a piece is at least one byte */
};

SLIST_HEAD(relay_pipes, relay_pipe);

/* One of the two directions: bytes from socket[d] to socket[1 - d]. */
struct relay_direction {
	_Atomic uint64_t delivered;
	uint8_t *backlog; /* read but not yet taken by the sink; no reading while there is any */
	uint32_t backlog_start, backlog_end;
	struct relay_pipe *pipe; /* held only while bytes are in it */
	uint32_t in_pipe;
	uint32_t quota;       /* bytes to read at once, see relay_pump.c */
	_Atomic bool blocked;   /* what the next says, for other threads */
	uint64_t blocked_since; /* the sink takes nothing of what waits for it, since then; 0: it does */
	uint64_t ended_at;      /* the source's end was announced, or all before it handed on; 0: neither */
	uint8_t small;        /* spliced pieces in a row that would have been cheaper to copy */
	bool may_splice : 1;  /* both sides are TCP, and splice has not failed */
	bool bulk : 1;        /* at present, splice pays off */
	bool stalled : 1;     /* the sink did not take what is in the pipe at once */
	bool eof : 1;         /* the source has ended */
	bool finished : 1;    /* and the sink has been told */
	bool more : 1;        /* the budget ran out before the work did */
};

struct relay_socket {
	int fd;
	uint32_t queued;     /* SIOCOUTQ at the last look, see relay_timers.c */
	uint64_t drained_at; /* the last look at which it had changed; 0: none */
	bool registered : 1;
	bool readable : 1; /* edge-triggered: true until a call says otherwise */
	bool writable : 1;
	bool ending : 1;   /* EPOLLRDHUP came: read until the end of stream is seen */
	bool urgent : 1;   /* EPOLLPRI came: a short read does not mean that nothing is left */
	bool broken : 1;   /* EPOLLERR or EPOLLHUP came and its meaning is not settled */
	bool hung_up : 1;  /* it was EPOLLHUP: neither direction of the socket is left */
};

struct relay {
	struct relay_thread *thread;
	struct relay_socket socket[2];
	struct relay_direction direction[2];
	uint64_t idle_timeout, half_closed_timeout, stall_timeout;
	uint64_t last_activity;
	uint64_t watched_since, looked_at; /* relay_timers.c; 0: not watched */
	LIST_ENTRY(relay) all;
	TAILQ_ENTRY(relay) ready;
	struct relay *next;       /* in the queue of starts, then of ended relays */
	struct relay *abort_next; /* in the queue of aborts */
	const struct relay_witness *witness[2];
	void *testimony[2];
	void *user;
	_Atomic uint32_t references;
	_Atomic bool ended;
	_Atomic bool hurried; /* relay_hurry() */
	bool abort_queued; /* under the thread's mutex */
	bool is_ready;
	int8_t side;
	uint8_t cause;
	int error;
};

LIST_HEAD(relay_all, relay);
TAILQ_HEAD(relay_ready, relay);

struct relay_thread {
	struct relay_engine *engine;
	pthread_t id;
	int epoll, wake;
	_Atomic uint32_t load;

	pthread_mutex_t mutex; /* guards the next seven */
	struct relay *starts, **starts_tail;
	struct relay *aborts;
	bool stop;
	bool signalled;
	bool memory_is_short; /* as the engine was told last */
	bool rescan;          /* relays have been hurried */

	/* the rest is the thread's own */
	struct relay_all all;
	struct relay_ready ready;
	struct relay *ended, **ended_tail;
	struct relay_pipes pipes;
	unsigned spare_pipes;
	uint64_t now;       /* milliseconds, read once per wake */
	uint64_t next_scan; /* when to look for relays that are overdue; UINT64_MAX is never */
	bool memory_short;  /* as this thread has taken notice of it */
	uint8_t *buffer;
};

/* relay.c: hands ended relays to whoever collects them. */
void relay_publish(struct relay_engine *engine, struct relay *first, struct relay **tail);

/* relay_thread.c */
void *relay_thread_main(void *thread);
void relay_end(struct relay *relay, enum relay_cause cause, int side, int error);

/* relay_timers.c */

/* From here on the relay's timers run. */
void relay_timers_begin(struct relay *relay);
/* Takes notice of an end or a stall that a turn has found. */
void relay_timers_after_turn(struct relay *relay);
/* Ends what is overdue and sets the time of the next scan. */
void relay_timers_scan(struct relay_thread *thread);
/* Before the sockets of a relay that went well are closed: bounds how long the kernel keeps bytes that nobody takes. */
void relay_timers_bound_close(const struct relay *relay);

/* relay_pump.c: moves what can be moved in both directions; may end the relay. True when work is left for another turn. */
bool relay_pump(struct relay *relay);

/* relay_backlog.c: copies what the sink has not taken, false when memory is short; gives it back. */
bool relay_backlog_set(struct relay_direction *direction, const uint8_t *data, size_t length);
void relay_backlog_drop(struct relay_direction *direction);

/* relay_pipe.c: an empty pipe, or NULL when the system gives none. */
struct relay_pipe *relay_pipe_take(struct relay_thread *thread);
void relay_pipe_give(struct relay_thread *thread, struct relay_pipe *pipe, bool empty);
void relay_pipes_free(struct relay_thread *thread);

#endif
