/* How a relay ended, against what was planned for it and what its peers saw. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "stress.h"

/* Our byte counts against what the peers saw; a reset may lose what was on its way. */
static void check_counts(const struct scenario *scenario, const struct relay_result *result)
{
	const struct peer *peer = scenario->peer;
	if (result->cause == RELAY_EOF && (result->up != peer[0].to_send || result->down != peer[1].to_send))
		die("counted %ju and %ju of %zu and %zu", (uintmax_t)result->up, (uintmax_t)result->down,
		    peer[0].to_send, peer[1].to_send);
	if (result->up > peer[0].sent || result->down > peer[1].sent)
		die("counted more than was sent");
	if (peer[1].received > result->up || peer[0].received > result->down)
		die("counted less than was received");
}

static void check_cause(const struct scenario *scenario, const struct relay_result *result)
{
	static const enum relay_cause causes[] = { RELAY_EOF, RELAY_RESET, RELAY_ABORTED, RELAY_TIMEOUT };
	/* An abort may come too late. */
	if (scenario->plan == ABORTED && result->cause == RELAY_EOF)
		return;
	if (result->cause != causes[scenario->plan])
		die("plan %d on transport %d ended with cause %d (side %d, %s)", (int)scenario->plan,
		    (int)scenario->transport, (int)result->cause, result->side, strerror(result->error));
	if (result->cause != RELAY_RESET)
		return;
	int who = scenario->peer[0].reset_at != SIZE_MAX ? 0 : 1;
	bool missed = scenario->transport == MPTCP_COPY && result->error == ENOTCONN;
	if (result->side != who || (result->error != ECONNRESET && result->error != EPIPE && !missed))
		die("reset by %d reported as %d, %s", who, result->side, strerror(result->error));
}

/* A clean end has asked the witness of each side; no other descriptor is ever spoken of. */
static void check_testimony(const struct scenario *scenario, const struct relay *relay, enum relay_cause cause)
{
	const int *a = relay_testimony(relay, 0), *b = relay_testimony(relay, 1);
	if (cause == RELAY_EOF && a == NULL)
		die("a relay ended cleanly without a word about its first side");
	if ((a != NULL && *a != scenario->inner[0]) || (b != NULL && *b != scenario->inner[1]))
		die("a witness was asked about another descriptor");
}

void relay_finished(struct relay *relay)
{
	struct scenario *scenario = relay_user(relay);
	struct relay_result result = relay_result(relay);
	check_cause(scenario, &result);
	check_counts(scenario, &result);
	check_testimony(scenario, relay, result.cause);
	relay_abort(relay);
	for (int i = 0; i < 2; i++)
		(void)close(scenario->inner[i]);
	scenario->relay_done = true;
	relay_unref(relay);
}
