#include "loop.h"

#include "clock.h"
#include "realtime.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

/*
 * What a round may do before the others get their turn; epoll and the timer are level-triggered
 * and bring the rest at once. 32 packets take about 0.1 ms.
 */
#define BUDGET 32

enum source { SOURCE_TAP_A, SOURCE_TAP_B, SOURCE_TIMER, SOURCE_SIGNAL, SOURCE_IN, SOURCE_OUT };

struct loop {
	struct link *link;
	struct control *control;
	int epoll, timer, signals;
	/* What the timer is set to. */
	uint64_t armed;
	/* Which of the control's descriptors is waited for; both are never. */
	bool waits_in, waits_out;
	bool stop;
};

static bool fail(const char *what)
{
	(void)fprintf(stderr, "linkem: %s: %s\n", what, strerror(errno));
	return false;
}

static int watch(struct loop *loop, int operation, int fd, enum source source, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.u32 = source};

	return epoll_ctl(loop->epoll, operation, fd, &event);
}

static bool open_sources(struct loop *loop)
{
	sigset_t ends;

	(void)sigemptyset(&ends);
	(void)sigaddset(&ends, SIGINT);
	(void)sigaddset(&ends, SIGTERM);
	(void)sigaddset(&ends, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &ends, NULL) != 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return fail("signals");
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	loop->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	loop->signals = signalfd(-1, &ends, SFD_NONBLOCK | SFD_CLOEXEC);
	if (loop->epoll < 0 || loop->timer < 0 || loop->signals < 0)
		return fail("epoll, timerfd, signalfd");
	for (int i = 0; i < 2; i++) {
		if (watch(loop, EPOLL_CTL_ADD, loop->link->taps[i].fd, (enum source)i, EPOLLIN) != 0)
			return fail("epoll_ctl");
	}
	if (watch(loop, EPOLL_CTL_ADD, loop->timer, SOURCE_TIMER, EPOLLIN) != 0 ||
	    watch(loop, EPOLL_CTL_ADD, loop->signals, SOURCE_SIGNAL, EPOLLIN) != 0)
		return fail("epoll_ctl");
	return true;
}

static void close_sources(struct loop *loop)
{
	const int fds[] = {loop->epoll, loop->timer, loop->signals};

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (fds[i] >= 0)
			(void)close(fds[i]);
	}
}

static bool watch_if(struct loop *loop, int fd, enum source source, uint32_t events, bool wanted, bool *watched)
{
	if (wanted == *watched)
		return true;
	if (watch(loop, wanted ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, fd, source, events) != 0)
		return false;
	*watched = wanted;
	return true;
}

/* New lines are read only when the answer to the last one is out. */
static bool watch_control(struct loop *loop)
{
	struct control *control = loop->control;
	bool pending = control->pending > 0;

	if (!watch_if(loop, control->out, SOURCE_OUT, EPOLLOUT, pending, &loop->waits_out))
		return fail("epoll_ctl on standard output");
	if (watch_if(loop, control->in, SOURCE_IN, EPOLLIN, !pending && !control->ended, &loop->waits_in))
		return true;
	/* A file can always be read and so cannot be waited for: it is read here, a piece each round. */
	if (errno != EPERM)
		return fail("epoll_ctl on standard input");
	control_readable(control);
	return true;
}

static bool handle(struct loop *loop, enum source source)
{
	uint64_t expirations;

	switch (source) {
	case SOURCE_TAP_A:
	case SOURCE_TAP_B:
		return link_read(loop->link, (int)source, BUDGET) || fail(loop->link->taps[source].name);
	case SOURCE_TIMER:
		if (read(loop->timer, &expirations, sizeof(expirations)) < 0 && errno != EAGAIN)
			return fail("read timerfd");
		loop->armed = NEVER;
		return true;
	case SOURCE_SIGNAL:
		loop->stop = true;
		return true;
	case SOURCE_IN:
		control_readable(loop->control);
		return true;
	case SOURCE_OUT:
		control_writable(loop->control);
		return true;
	}
	return true;
}

static bool arm(struct loop *loop)
{
	uint64_t next = link_next(loop->link);
	struct itimerspec at = {.it_value = {.tv_sec = 0}};

	if (next == loop->armed)
		return true;
	/* All zero would disarm it, which NEVER is to do. */
	if (next != NEVER) {
		at.it_value.tv_sec = (time_t)(next / NS_PER_SECOND);
		at.it_value.tv_nsec = (long)(next % NS_PER_SECOND);
	}
	if (timerfd_settime(loop->timer, TFD_TIMER_ABSTIME, &at, NULL) != 0)
		return fail("timerfd_settime");
	loop->armed = next;
	return true;
}

static bool run_round(struct loop *loop)
{
	struct epoll_event events[8];
	int count;

	if (!arm(loop) || !watch_control(loop))
		return false;
	if (loop->control->quit)
		return true;
	/* Only a file as standard input leaves neither end of the control to be waited for. */
	count = epoll_wait(loop->epoll, events, sizeof(events) / sizeof(events[0]),
	                   loop->waits_in || loop->waits_out ? -1 : 0);
	if (count < 0 && errno != EINTR)
		return fail("epoll_wait");
	for (int i = 0; i < count; i++) {
		if (!handle(loop, (enum source)events[i].data.u32))
			return false;
	}
	link_run(loop->link, BUDGET);
	return true;
}

bool loop_run(struct link *link, struct control *control, bool realtime)
{
	struct loop loop = {
		.link = link, .control = control, .epoll = -1, .timer = -1, .signals = -1, .armed = NEVER};
	bool good = open_sources(&loop);

	while (good && !loop.stop && !control->quit) {
		good = run_round(&loop);
		if (realtime)
			realtime_rest();
	}
	close_sources(&loop);
	return good;
}
