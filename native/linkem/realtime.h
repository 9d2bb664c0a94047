/* Being on time on a busy machine, without taking the machine from everybody else. */
#ifndef LINKEM_REALTIME_H
#define LINKEM_REALTIME_H

#include <stdbool.h>

/*
 * Realtime scheduling (SCHED_RR, lowest priority) and memory that is not paged out. False with
 * errno where the process may not have the scheduling; the rest is done as far as possible.
 */
bool realtime_enter(void);
/*
 * To be called once per round of the event loop. A process that uses its processor without a
 * pause, because more comes in than it can handle, rests a little, so that others can run too.
 */
void realtime_rest(void);

#endif
