/* Seedable pseudo-random numbers: the same seed gives the same losses and jitter for the same packets. */
#ifndef LINKEM_RANDOM_H
#define LINKEM_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct random {
	uint64_t state[4];
};

/* Generators of one seed but of different streams are independent of each other. */
void random_seed(struct random *random, uint64_t seed, uint64_t stream);
/* Uniform in [0, 1). */
double random_unit(struct random *random);
/* Standard normal: mean 0, deviation 1. */
double random_normal(struct random *random);
/* True with this probability. Draws nothing for 0, so that options not in use do not shift the others. */
bool random_chance(struct random *random, double probability);

#endif
