/* The event loop: devices, the next departure, control lines, signals. */
#ifndef LINKEM_LOOP_H
#define LINKEM_LOOP_H

#include "control.h"
#include "link.h"

/*
 * Runs the link until the command quit, the end of standard input or SIGINT, SIGTERM or SIGHUP.
 * False with a line on standard error when it cannot go on, such as when a device was removed.
 */
bool loop_run(struct link *link, struct control *control, bool realtime);

#endif
