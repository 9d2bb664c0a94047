/* The command line. */
#ifndef LINKEM_OPTIONS_H
#define LINKEM_OPTIONS_H

#include "problem.h"
#include "tap.h"

#include <stddef.h>
#include <stdint.h>

enum realtime { REALTIME_AUTO, REALTIME_ON, REALTIME_OFF };

struct options {
	bool help;
	/* As given: of end a and of end b. */
	const char *netns[2];
	struct tap_options taps[2];
	int mtu;
	bool has_seed;
	uint64_t seed;
	/* Bytes for packets. */
	uint64_t memory;
	enum realtime realtime;
	/* The values of --set, in order; they point into argv. */
	char **settings;
	size_t settings_count;
};

/* False with problem filled. settings is to be freed. */
bool options_parse(struct options *options, int argc, char **argv, struct problem *problem);
/* The text of --help. */
extern const char options_usage[];

#endif
