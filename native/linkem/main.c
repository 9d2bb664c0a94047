/*
 * linkem: a network link between two namespaces, with rate, delay, jitter, loss and queue of
 * each direction, for kernels that have no netem. docs/linkem.md describes the model.
 *
 * Exit codes: 0 ended in order, 1 a system call failed or a device was removed, 2 wrong input.
 */
#include "clock.h"
#include "loop.h"
#include "netns.h"
#include "options.h"
#include "realtime.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define EXIT_INPUT 2

static int refuse(const struct problem *problem)
{
	(void)fprintf(stderr, "linkem: %s: expected %s, found \"%s\"\n", problem->field, problem->expected,
	              problem->found);
	return EXIT_INPUT;
}

/* Random unless given; of 53 bits, so that it can be reported as a JSON number and given again. */
static bool choose_seed(struct options *options)
{
	if (options->has_seed)
		return true;
	if (getrandom(&options->seed, sizeof(options->seed), 0) != sizeof(options->seed))
		return false;
	options->seed >>= 11;
	return true;
}

static bool open_taps(struct link *link, struct options *options)
{
	for (int i = 0; i < 2; i++) {
		options->taps[i].mtu = options->mtu;
		if (!tap_open(&link->taps[i], &options->taps[i]))
			return false;
	}
	return true;
}

static bool start_realtime(const struct options *options, bool *realtime)
{
	*realtime = options->realtime != REALTIME_OFF && realtime_enter();
	if (*realtime || options->realtime != REALTIME_ON)
		return true;
	(void)fprintf(stderr, "linkem: realtime scheduling: %s\n", strerror(errno));
	return false;
}

static int run(struct link *link, struct options *options)
{
	struct control control;
	struct json json;
	bool realtime;

	if (!link_open_pool(link, options->mtu, options->memory)) {
		(void)fprintf(stderr, "linkem: memory for packets: %s\n", strerror(errno));
		return EXIT_FAILURE;
	}
	if (!open_taps(link, options) || !start_realtime(options, &realtime))
		return EXIT_FAILURE;
	control_open(&control, link, STDIN_FILENO, STDOUT_FILENO);
	report_begin(&json, control.answer, ANSWER_SIZE - 1);
	report_ready(&json, link, options->mtu, options->seed, realtime);
	report_end(&json);
	control_send(&control, &json);
	return loop_run(link, &control, realtime) ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int start(struct link *link, struct options *options)
{
	struct problem problem;
	int status = EXIT_INPUT;

	link_init(link, options->seed, clock_now());
	for (size_t i = 0; i < options->settings_count; i++) {
		if (!link_change(link, options->settings[i], clock_now(), &problem))
			return refuse(&problem);
	}
	options->taps[0].netns = netns_open("a-netns", options->netns[0], &problem);
	if (options->taps[0].netns < 0)
		return refuse(&problem);
	options->taps[1].netns = netns_open("b-netns", options->netns[1], &problem);
	if (options->taps[1].netns < 0)
		status = refuse(&problem);
	else
		status = run(link, options);
	(void)close(options->taps[0].netns);
	if (options->taps[1].netns >= 0)
		(void)close(options->taps[1].netns);
	return status;
}

int main(int argc, char **argv)
{
	static struct link link;
	struct options options;
	struct problem problem;
	int status;

	if (!options_parse(&options, argc, argv, &problem)) {
		status = refuse(&problem);
	} else if (options.help) {
		status = fputs(options_usage, stdout) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	} else if (!choose_seed(&options)) {
		(void)fprintf(stderr, "linkem: getrandom: %s\n", strerror(errno));
		status = EXIT_FAILURE;
	} else {
		status = start(&link, &options);
		link_close(&link);
	}
	free(options.settings);
	return status;
}
