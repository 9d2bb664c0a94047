#include "loss.h"

bool loss_decide(const struct loss *loss, bool *bad, struct random *random)
{
	bool lost;

	if (loss->kind == LOSS_RANDOM)
		return random_chance(random, loss->probability);
	lost = random_chance(random, *bad ? loss->in_bad : loss->in_good);
	if (random_chance(random, *bad ? loss->r : loss->p))
		*bad = !*bad;
	return lost;
}
