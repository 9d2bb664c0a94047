/* xoshiro256** (Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2018), seeded by splitmix64. */
#include "random.h"

#include <math.h>

static uint64_t splitmix(uint64_t *state)
{
	uint64_t mixed = (*state += UINT64_C(0x9e3779b97f4a7c15));

	mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
	return mixed ^ (mixed >> 31);
}

static uint64_t rotate_left(uint64_t value, int by)
{
	return (value << by) | (value >> (64 - by));
}

void random_seed(struct random *random, uint64_t seed, uint64_t stream)
{
	uint64_t of_stream = splitmix(&stream);
	uint64_t mix = seed ^ of_stream;

	for (int i = 0; i < 4; i++)
		random->state[i] = splitmix(&mix);
}

static uint64_t random_bits(struct random *random)
{
	uint64_t *s = random->state;
	uint64_t result = rotate_left(s[1] * 5, 7) * 9;
	uint64_t shifted = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= shifted;
	s[3] = rotate_left(s[3], 45);
	return result;
}

double random_unit(struct random *random)
{
	/* A double holds 53 bits. */
	return (double)(random_bits(random) >> 11) * 0x1.0p-53;
}

double random_normal(struct random *random)
{
	/* Box and Muller; 1 - u because the logarithm of 0 is none. The second value is not kept: one state less. */
	double radius = sqrt(-2.0 * log(1.0 - random_unit(random)));

	return radius * cos(2.0 * M_PI * random_unit(random));
}

bool random_chance(struct random *random, double probability)
{
	return probability > 0 && random_unit(random) < probability;
}
