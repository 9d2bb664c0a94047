/*
 * load serve sink BYTES | source BYTES | echo
 * load send|fetch [--mptcp] [--socks TO] --via PROXY --bytes N --streams N
 * load storm [--mptcp] [--socks TO] --via PROXY --count N --parallel N
 * load hold [--mptcp] [--socks TO] --via PROXY --steps N,N,…
 *
 * Client commands print one JSON line (seconds, bytes); `hold` prints a number for each step.
 */
#include "load.h"

#include <getopt.h>
#include <string.h>

/* Loopback addresses that connections are spread over, sources and SOCKS5 destinations alike. */
enum { SPREAD = 8 };

struct options {
	struct target target;
	uint64_t bytes;
	unsigned streams, count, parallel;
	char *steps;
};

static struct options parse(int argc, char **argv)
{
	const struct option known[] = {
		{ "mptcp", no_argument, NULL, 'm' },	     { "socks", required_argument, NULL, 's' },
		{ "via", required_argument, NULL, 'v' },     { "bytes", required_argument, NULL, 'b' },
		{ "streams", required_argument, NULL, 'n' }, { "count", required_argument, NULL, 'c' },
		{ "parallel", required_argument, NULL, 'p' }, { "steps", required_argument, NULL, 't' },
		{ NULL, 0, NULL, 0 },
	};
	struct options options = { .streams = 1, .count = 1, .parallel = 1 };
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case 'm': options.target.mptcp = true; break;
		case 's':
			options.target.socks = true;
			options.target.to = parse_address(optarg);
			break;
		case 'v': options.target.via = parse_address(optarg); break;
		case 'b': options.bytes = parse_number(optarg, UINT64_MAX); break;
		case 'n': options.streams = (unsigned)parse_number(optarg, MAX_STREAMS); break;
		case 'c': options.count = (unsigned)parse_number(optarg, 100000000); break;
		case 'p': options.parallel = (unsigned)parse_number(optarg, MAX_PARALLEL); break;
		case 't': options.steps = optarg; break;
		default: die_message("see the usage at the top of bench/load/main.c");
		}
	}
	if (options.target.via.sin_port == 0 || options.streams == 0)
		die_message("expected --via ADDRESS:PORT and at least one stream");
	options.target.spread = SPREAD;
	return options;
}

static bool is(const char *text, const char *word)
{
	return text != NULL && strcmp(text, word) == 0;
}

static void serve(const char *what, const char *bytes)
{
	if (is(what, "sink") && bytes != NULL)
		serve_sink(parse_number(bytes, UINT64_MAX));
	else if (is(what, "source") && bytes != NULL)
		serve_source(parse_number(bytes, UINT64_MAX));
	else if (is(what, "echo"))
		serve_echo();
	else
		die_message("expected sink BYTES, source BYTES or echo");
}

int main(int argc, char **argv)
{
	const char *command = argc > 1 ? argv[1] : NULL;
	struct options options;

	if (is(command, "serve")) {
		serve(argc > 2 ? argv[2] : NULL, argc > 3 ? argv[3] : NULL);
		return 0;
	}
	options = parse(argc, argv);
	if (is(command, "send"))
		run_send(&options.target, options.bytes, options.streams);
	else if (is(command, "fetch"))
		run_fetch(&options.target, options.bytes, options.streams);
	else if (is(command, "storm"))
		run_storm(&options.target, options.count, options.parallel);
	else if (is(command, "hold") && options.steps != NULL)
		run_hold(&options.target, options.steps);
	else
		die_message("expected serve, send, fetch, storm or hold");
	return 0;
}
