#include "realtime.h"

#include "clock.h"

#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

/* Of each window at most so much is used before a rest. */
#define WINDOW (50 * NS_PER_MS)
#define WINDOW_SHARE (WINDOW / 100 * 95)
#define REST_NS 2000000
/* Longest use of the processor without any pause, in microseconds: beyond all windows, so only a defect gets there. */
#define LONGEST_USE 2000000

bool realtime_enter(void)
{
	struct sched_param parameters = {.sched_priority = 1};
	struct rlimit longest = {.rlim_cur = LONGEST_USE, .rlim_max = LONGEST_USE};

	/* Neither failure changes what the program does, only how precisely. */
	(void)prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
	(void)mlockall(MCL_CURRENT | MCL_FUTURE);
	/* The kernel ends a process that would hold on to its processor in spite of realtime_rest(). */
	if (setrlimit(RLIMIT_RTTIME, &longest) != 0)
		return false;
	return sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &parameters) == 0;
}

void realtime_rest(void)
{
	static uint64_t window, used_before;
	const struct timespec rest = {.tv_nsec = REST_NS};
	uint64_t now = clock_now();
	uint64_t used;

	if (now - window < WINDOW)
		return;
	used = clock_read(CLOCK_THREAD_CPUTIME_ID);
	/* A window that began long ago says nothing: the process slept in between. */
	if (window != 0 && now - window < 2 * WINDOW && used - used_before > WINDOW_SHARE)
		(void)nanosleep(&rest, NULL);
	window = now;
	used_before = used;
}
