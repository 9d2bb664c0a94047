/*
 * Work gathered over one turn of the event loop, done at once before the loop waits again:
 * waking another thread costs a system call, so it is done once for all that a turn brings.
 */
#ifndef MPTK_TURN_H
#define MPTK_TURN_H

#include <node_api.h>

struct turn;

/* `flush(data)` will be called at the end of turns that were marked. NULL with an exception pending. */
struct turn *mptk_turn_open(napi_env env, void (*flush)(void *), void *data);
/* Asks for flush at the end of this turn. The loop does not stay for it. */
void mptk_turn_mark(struct turn *turn);
/* No flush comes any more. The end of the environment does the same by itself: not to be called after it. */
void mptk_turn_close(struct turn *turn);

#endif
