/* Whether a packet is lost: independently of the others, or in bursts. */
#ifndef LINKEM_LOSS_H
#define LINKEM_LOSS_H

#include "random.h"

enum loss_kind { LOSS_RANDOM, LOSS_GILBERT };

/* Probabilities, 0 to 1. */
struct loss {
	enum loss_kind kind;
	/* LOSS_RANDOM: of each packet. */
	double probability;
	/*
	 * LOSS_GILBERT, the model of Gilbert (1960) and Elliott (1963): the link is in a good or a
	 * bad state and changes it, after each packet, good to bad with p and bad to good with r.
	 */
	double p, r, in_bad, in_good;
};

/* Decides on one packet; *bad is the state of the link, false to begin with. */
bool loss_decide(const struct loss *loss, bool *bad, struct random *random);

#endif
