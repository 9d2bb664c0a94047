/*
 * Dials: connect() of sockets on a thread of their own, and the wait for its outcome. Over
 * loopback the kernel runs the whole handshake within the call, the answer of the far end
 * included, and on any path connect() is the dearest call of a connection's life: on the
 * event loop it would bound how many connections a second there can be. Independent of
 * Node; dial_napi.c gives it to JavaScript.
 *
 * All functions are for one thread at a time. A descriptor must be non-blocking; it belongs
 * to the dialer from dial_start() until its dial is collected, and is never closed by it.
 */
#ifndef MPTK_DIAL_H
#define MPTK_DIAL_H

#include <sys/socket.h>

struct dialer;
struct dial;

/*
 * Starts the thread, which calls `notify(user)` when ended dials wait to be collected, once
 * for as many as there are by then. Returns 0 or an errno value.
 */
int dialer_create(struct dialer **out, void (*notify)(void *), void *user);

/* Queues a dial until dialer_flush(). *out is valid until it is collected and released. Returns 0 or ENOMEM. */
int dial_start(struct dialer *dialer, int fd, const struct sockaddr *to, socklen_t length, void *user,
               struct dial **out);

/*
 * Closes the descriptor on the thread, after dialer_flush(): the last close of a connection is
 * nearly as dear as its dial. The number is taken until then.
 */
void dialer_close(struct dialer *dialer, int fd);

/* Wakes the thread for what was queued: one call for many dials and closes. */
void dialer_flush(struct dialer *dialer);

/* Ends the dial with ECANCELED unless it has ended; it is still to be collected. */
void dial_cancel(struct dialer *dialer, struct dial *dial);

/* Takes the dials that have ended since the last call, linked by dial_next(); NULL when there are none. */
struct dial *dialer_collect(struct dialer *dialer);
struct dial *dial_next(const struct dial *dial);
void *dial_user(const struct dial *dial);
/* 0 when connected, else the errno value. */
int dial_error(const struct dial *dial);
/* Gives a collected dial back. */
void dial_release(struct dial *dial);

/* Cancels every dial and waits for the thread. The ended dials can still be collected. */
void dialer_stop(struct dialer *dialer);
/* After dialer_stop(): frees the dialer and what was not collected. */
void dialer_free(struct dialer *dialer);

#endif
