#include "jitter.h"

uint64_t jitter_apply(const struct jitter *jitter, uint64_t delay, struct random *random)
{
	double deviation, total;

	if (jitter->size == 0)
		return delay;
	deviation = jitter->kind == JITTER_UNIFORM ? 2.0 * random_unit(random) - 1.0 : random_normal(random);
	total = (double)delay + deviation * (double)jitter->size;
	return total > 0 ? (uint64_t)total : 0;
}
