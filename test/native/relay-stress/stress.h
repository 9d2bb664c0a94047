/* What the parts of the relay engine's stress share: peers, and the relay between two of them. */
#ifndef RELAY_STRESS_H
#define RELAY_STRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../../native/relay.h"

enum plan { CLEAN, PEER_RESETS, ABORTED, IDLE_OUT, PLANS };
enum transport { TCP_SPLICE, TCP_COPY, MPTCP_COPY, UNIX_COPY, UNIX_SPLICE, TRANSPORTS };

/* One end of a relayed connection, on our side of it. */
struct peer {
	int fd;
	uint32_t key; /* of the pattern it sends */
	size_t to_send, sent, received, expected;
	size_t reset_at; /* closes with a reset once so much is sent; SIZE_MAX is never */
	bool shut, ended, failed, slow, mute;
};

struct scenario {
	enum plan plan;
	enum transport transport;
	struct peer peer[2];
	int inner[2]; /* the engine's descriptors */
	struct relay *relay;
	size_t abort_at;
	size_t head;
	bool relay_done;
	bool used;
};

/* tools.c */
void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
void random_seed(uint64_t seed);
uint32_t below(uint32_t limit);
uint8_t pattern(uint32_t key, size_t offset);
size_t descriptors(void);

/* scenario.c */
void make_pair(enum transport transport, int side, int pair[2]);
void open_scenario(struct relay_engine *engine, struct scenario *scenario);

/* peer.c */
void peer_close(struct peer *peer);
void peer_send(struct scenario *scenario, struct peer *peer);
void peer_receive(struct scenario *scenario, struct peer *peer, uint32_t key);
short peer_interest(const struct peer *peer);

/* check.c */
void relay_finished(struct relay *relay);

#endif
