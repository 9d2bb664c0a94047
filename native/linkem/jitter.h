/* Delay that differs from packet to packet. */
#ifndef LINKEM_JITTER_H
#define LINKEM_JITTER_H

#include "random.h"

enum jitter_kind { JITTER_UNIFORM, JITTER_NORMAL };

struct jitter {
	enum jitter_kind kind;
	/* JITTER_UNIFORM: largest deviation; JITTER_NORMAL: standard deviation. Nanoseconds. */
	uint64_t size;
};

/* The delay of one packet in nanoseconds: delay plus a deviation of mean 0, at least 0. */
uint64_t jitter_apply(const struct jitter *jitter, uint64_t delay, struct random *random);

#endif
