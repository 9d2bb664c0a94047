/*
 * The relay engine: threads that move bytes between two connected stream sockets until both
 * directions have ended. Independent of Node; relay_napi.c gives it to JavaScript.
 *
 * Functions that take an engine, and relay_abort(), are for one thread at a time.
 * Descriptors must be non-blocking. They belong to the engine from relay_start() until the
 * relay is collected; the engine never closes them. On any cause but RELAY_EOF both are left
 * with SO_LINGER {1, 0}, so that closing them sends a reset.
 */
#ifndef MPTK_RELAY_H
#define MPTK_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct relay_engine;
struct relay;

enum relay_cause {
	RELAY_EOF,     /* both peers ended their stream and all bytes were handed on */
	RELAY_RESET,   /* a call on one descriptor failed */
	RELAY_TIMEOUT, /* no byte moved for idle_timeout */
	RELAY_HALF_CLOSED, /* one side has ended, and no byte moved for half_closed_timeout */
	RELAY_STALLED, /* a sink took nothing of what it is owed for stall_timeout */
	RELAY_ABORTED, /* relay_abort() or relay_engine_stop() */
};

/*
 * What is to be learnt of a socket while its kernel still tells: called on the engine's thread just
 * before the socket's own stream is ended, after which an MPTCP connection loses its subflows.
 * What take() returns (NULL is nothing) is kept until the relay is freed, and then dropped.
 */
struct relay_witness {
	void *(*take)(int fd);
	void (*drop)(void *);
};

struct relay_options {
	bool splice;           /* TCP on both sides: bulk data may go through a pipe */
	uint64_t idle_timeout; /* milliseconds, 0 is never; as the next two */
	uint64_t half_closed_timeout; /* instead of the above, once one side has ended */
	uint64_t stall_timeout; /* for a sink whose source has ended; for all while memory is short */
	const uint8_t *head;   /* owed to b before anything read from a; copied */
	size_t head_length;
	const struct relay_witness *witness[2]; /* for a, for b; NULL for none */
	void *user;
};

struct relay_result {
	enum relay_cause cause;
	uint64_t up, down; /* bytes the kernel took for b, for a */
	int side;          /* RELAY_RESET: 0 for a, 1 for b; RELAY_STALLED: the sink's; -1 otherwise */
	int error;         /* RELAY_RESET: errno of the failed call; 0 otherwise */
};

/*
 * Starts the threads. `notify(user)` is called on one of them when ended relays wait to be
 * collected, once for as many as there are by then. Returns 0 or an errno value.
 */
int relay_engine_create(struct relay_engine **out, unsigned threads, void (*notify)(void *), void *user);

/*
 * Hands two descriptors to the engine; the relay begins with relay_engine_flush(). *out is a reference of the caller's, to be given back
 * with relay_unref(). Returns 0, ENOMEM, or ESHUTDOWN after relay_engine_stop().
 */
int relay_start(struct relay_engine *engine, int a, int b, const struct relay_options *options,
                struct relay **out);

/* Wakes the threads for what was started: one system call for many relays. */
void relay_engine_flush(struct relay_engine *engine);

/* Ends the relay with RELAY_ABORTED; nothing happens when it has ended. */
void relay_abort(struct relay *relay);

/* Whether the kernel's memory for TCP is short: sinks that stall are then ended whoever is there. */
void relay_engine_memory_short(struct relay_engine *engine, bool is_short);

/*
 * Bytes that wait in the kernel because a sink takes nothing, 0 while both do: what the relay has
 * in its source's receive queue and in its sink's send queue. Until it is collected.
 */
uint64_t relay_held(const struct relay *relay);

/* As relay_engine_memory_short(), for one relay. */
void relay_hurry(struct relay *relay, bool hurried);

/* Bytes the kernel has taken for b and for a so far; any thread, any time. */
void relay_bytes(const struct relay *relay, uint64_t *up, uint64_t *down);

void *relay_user(const struct relay *relay);
void relay_unref(struct relay *relay);

/*
 * Takes the relays that have ended since the last call, linked by relay_next(), each with a
 * reference that the caller gives back with relay_unref(). NULL when there are none.
 */
struct relay *relay_engine_collect(struct relay_engine *engine);
struct relay *relay_next(const struct relay *relay);

/* How a collected relay ended. */
struct relay_result relay_result(const struct relay *relay);

/* What was learnt of a (0) or b (1) before its stream was ended; NULL for nothing. The relay's. */
const void *relay_testimony(const struct relay *relay, int side);

/* Aborts every relay and waits for the threads. The ended relays can still be collected. */
void relay_engine_stop(struct relay_engine *engine);

/* Stops if need be, drops what was not collected, frees the engine. References to relays stay valid. */
void relay_engine_free(struct relay_engine *engine);

#endif
