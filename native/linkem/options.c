#include "options.h"

#include "units.h"

#include <errno.h>
#include <getopt.h>
#include <netinet/ether.h>
#include <stdlib.h>
#include <string.h>

/* Ethernet allows 68 for IPv4 (RFC 791); the largest is what a tap device takes. */
#define MTU_LEAST 68
#define MTU_MOST 65521
/* Doubles, which JSON numbers are to many programs, hold integers up to here. */
#define SEED_MOST (INT64_C(1) << 53)
#define MEMORY_DEFAULT (UINT64_C(256) << 20)
#define MEMORY_LEAST (UINT64_C(64) << 20)

const char options_usage[] =
	"Usage: linkem --a-netns NETNS --a-name NAME --b-netns NETNS --b-name NAME [option...]\n"
	"Emulates a link between two network namespaces: a tap device in each, a process between them.\n"
	"\n"
	"  --a-netns, --b-netns NETNS  namespace of each end: a pid, a name of `ip netns`, or a path\n"
	"  --a-name, --b-name NAME     name of the device there\n"
	"  --a-mac, --b-mac MAC        its address; otherwise the kernel makes one up\n"
	"  --mtu BYTES                 of both devices (1500)\n"
	"  --set LINE                  settings to begin with, as lines on standard input; may be repeated\n"
	"  --seed N                    of losses and jitter; otherwise random, and reported\n"
	"  --memory SIZE               most memory for packets on the link (256mib)\n"
	"  --realtime auto|on|off      realtime scheduling: where allowed, or the link does not start, or not (auto)\n"
	"\n"
	"Lines on standard input, each answered by a line of JSON; [DIR] is a>b, b>a or both, which is the default:\n"
	"  [DIR] rate RATE|none   [DIR] delay TIME   [DIR] jitter TIME [uniform|normal]\n"
	"  [DIR] loss PERCENT|none   [DIR] loss gilbert P R [BAD [GOOD]]   [DIR] queue PACKETSp|SIZE|none\n"
	"  [DIR] reorder PERCENT   [DIR] order keep|free   [DIR] overhead BYTES   [DIR] trace FILE|none\n"
	"  down   up   show   stats   quit\n";

enum option_id {
	OPTION_NETNS_A,
	OPTION_NETNS_B,
	OPTION_NAME_A,
	OPTION_NAME_B,
	OPTION_MAC_A,
	OPTION_MAC_B,
	OPTION_MTU,
	OPTION_SET,
	OPTION_SEED,
	OPTION_MEMORY,
	OPTION_REALTIME,
	OPTION_HELP,
};

static const struct option known[] = {
	{"a-netns", required_argument, NULL, OPTION_NETNS_A},
	{"b-netns", required_argument, NULL, OPTION_NETNS_B},
	{"a-name", required_argument, NULL, OPTION_NAME_A},
	{"b-name", required_argument, NULL, OPTION_NAME_B},
	{"a-mac", required_argument, NULL, OPTION_MAC_A},
	{"b-mac", required_argument, NULL, OPTION_MAC_B},
	{"mtu", required_argument, NULL, OPTION_MTU},
	{"set", required_argument, NULL, OPTION_SET},
	{"seed", required_argument, NULL, OPTION_SEED},
	{"memory", required_argument, NULL, OPTION_MEMORY},
	{"realtime", required_argument, NULL, OPTION_REALTIME},
	{"help", no_argument, NULL, OPTION_HELP},
	{NULL, 0, NULL, 0},
};

static bool parse_name(const char *field, const char *text, struct tap_options *tap, struct problem *problem)
{
	size_t length = strlen(text);

	/* As the kernel checks names (dev_valid_name); "%d" it would replace by a number. */
	if (length == 0 || length >= IFNAMSIZ || strcmp(text, ".") == 0 || strcmp(text, "..") == 0 ||
	    strpbrk(text, "/:% \t\n\v\f\r"))
		return problem_set(problem, field, text, "an interface name of 1 to %d characters", IFNAMSIZ - 1);
	memcpy(tap->name, text, length + 1);
	return true;
}

static bool parse_mac(const char *field, const char *text, struct tap_options *tap, struct problem *problem)
{
	tap->has_mac = ether_aton_r(text, &tap->mac) && !(tap->mac.ether_addr_octet[0] & 1);
	return tap->has_mac || problem_set(problem, field, text, "a unicast MAC address such as 02:00:00:00:00:01");
}

static bool parse_realtime(const char *text, struct options *options, struct problem *problem)
{
	static const char *const words[] = {
		[REALTIME_AUTO] = "auto", [REALTIME_ON] = "on", [REALTIME_OFF] = "off"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(text, words[i]) != 0)
			continue;
		options->realtime = (enum realtime)i;
		return true;
	}
	return problem_set(problem, "realtime", text, "auto, on or off");
}

static bool parse_seed(const char *text, struct options *options, struct problem *problem)
{
	int64_t seed;

	if (!units_integer("seed", text, 0, SEED_MOST, &seed, problem))
		return false;
	options->has_seed = true;
	options->seed = (uint64_t)seed;
	return true;
}

static bool parse_mtu(const char *text, struct options *options, struct problem *problem)
{
	int64_t mtu;

	if (!units_integer("mtu", text, MTU_LEAST, MTU_MOST, &mtu, problem))
		return false;
	options->mtu = (int)mtu;
	return true;
}

static bool parse_memory(const char *text, struct options *options, struct problem *problem)
{
	if (!units_bytes("memory", text, &options->memory, problem))
		return false;
	return options->memory >= MEMORY_LEAST || problem_set(problem, "memory", text, "at least 64mib");
}

static bool parse_option(struct options *options, int option, char *value, struct problem *problem)
{
	/* The name of the option is the name of the field. */
	const char *field = known[option].name;

	switch ((enum option_id)option) {
	case OPTION_NETNS_A:
	case OPTION_NETNS_B:
		options->netns[option - OPTION_NETNS_A] = value;
		return true;
	case OPTION_NAME_A:
	case OPTION_NAME_B:
		return parse_name(field, value, &options->taps[option - OPTION_NAME_A], problem);
	case OPTION_MAC_A:
	case OPTION_MAC_B:
		return parse_mac(field, value, &options->taps[option - OPTION_MAC_A], problem);
	case OPTION_MTU:
		return parse_mtu(value, options, problem);
	case OPTION_SET:
		options->settings[options->settings_count++] = value;
		return true;
	case OPTION_SEED:
		return parse_seed(value, options, problem);
	case OPTION_MEMORY:
		return parse_memory(value, options, problem);
	case OPTION_REALTIME:
		return parse_realtime(value, options, problem);
	case OPTION_HELP:
		options->help = true;
		return true;
	}
	return false;
}

static bool check_required(const struct options *options, struct problem *problem)
{
	for (int i = 0; i < 2; i++) {
		if (!options->netns[i])
			return problem_set(problem, known[OPTION_NETNS_A + i].name, "", "a network namespace");
		if (options->taps[i].name[0] == '\0')
			return problem_set(problem, known[OPTION_NAME_A + i].name, "", "an interface name");
	}
	return true;
}

bool options_parse(struct options *options, int argc, char **argv, struct problem *problem)
{
	int option;

	*options = (struct options){.mtu = ETHERMTU, .memory = MEMORY_DEFAULT};
	/* There cannot be more settings than arguments. */
	options->settings = calloc((size_t)argc + 1, sizeof(*options->settings));
	if (!options->settings)
		return problem_set(problem, "set", strerror(errno), "enough memory");
	/* What is wrong is said in our own words; ":" tells a missing value from an unknown option. */
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":", known, NULL)) != -1) {
		if (option == ':')
			return problem_set(problem, argv[optind - 1] + 2, "", "a value");
		if (option == '?')
			return problem_set(problem, "option", argv[optind - 1], "an option of --help");
		if (!parse_option(options, option, optarg, problem))
			return false;
	}
	if (optind < argc)
		return problem_set(problem, "argument", argv[optind], "options only");
	return options->help || check_required(options, problem);
}
