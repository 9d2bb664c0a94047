/* The ends of a relayed connection: they send their pattern, check the other's, half-close and reset. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "stress.h"

enum { CHUNK = 96 * 1024 };

void peer_close(struct peer *peer)
{
	if (peer->fd >= 0)
		(void)close(peer->fd);
	peer->fd = -1;
}

static void peer_failed(const struct scenario *scenario, struct peer *peer, const char *call)
{
	if (errno == EAGAIN)
		return;
	if (scenario->plan == CLEAN)
		die("%s on an undisturbed connection: %s", call, strerror(errno));
	peer->failed = true;
}

static void peer_reset(struct peer *peer)
{
	const struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	if (setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset) != 0)
		die("SO_LINGER: %s", strerror(errno));
	peer_close(peer);
}

void peer_send(struct scenario *scenario, struct peer *peer)
{
	static uint8_t buffer[CHUNK];
	size_t end = peer->reset_at < peer->to_send ? peer->reset_at : peer->to_send;
	size_t length = 1 + below(CHUNK);
	if (length > end - peer->sent)
		length = end - peer->sent;
	for (size_t i = 0; i < length; i++)
		buffer[i] = pattern(peer->key, peer->sent + i);
	int urgent = scenario->transport <= TCP_COPY && below(50) == 0 ? MSG_OOB : 0;
	ssize_t n = length == 0 ? 0 : send(peer->fd, buffer, length, MSG_NOSIGNAL | urgent);
	if (n < 0) {
		peer_failed(scenario, peer, "send");
		return;
	}
	peer->sent += (size_t)n;
	if (peer->sent == peer->reset_at) {
		peer_reset(peer);
	} else if (peer->sent == peer->to_send && !peer->mute) {
		if (shutdown(peer->fd, SHUT_WR) != 0)
			peer_failed(scenario, peer, "shutdown");
		peer->shut = true;
	}
}

void peer_receive(struct scenario *scenario, struct peer *peer, uint32_t key)
{
	static uint8_t buffer[CHUNK];
	ssize_t n = recv(peer->fd, buffer, peer->slow ? 1 + below(3000) : 1 + below(CHUNK), 0);
	if (n < 0) {
		peer_failed(scenario, peer, "recv");
		return;
	}
	for (ssize_t i = 0; i < n; i++)
		if (buffer[i] != pattern(key, peer->received + (size_t)i))
			die("wrong byte at %zu", peer->received + (size_t)i);
	peer->received += (size_t)n;
	if (peer->received >= scenario->abort_at)
		relay_abort(scenario->relay);
	if (n > 0)
		return;
	peer->ended = true;
	/* A cut must not look like an end; only Unix sockets cannot tell the difference. */
	bool may_lie = scenario->transport >= UNIX_COPY && scenario->plan != CLEAN;
	if (peer->received != peer->expected && !may_lie)
		die("plan %d on transport %d: end of stream after %zu of %zu bytes", (int)scenario->plan,
		    (int)scenario->transport, peer->received, peer->expected);
}

short peer_interest(const struct peer *peer)
{
	bool sending = !peer->shut && !peer->failed && !(peer->mute && peer->sent == peer->to_send);
	bool receiving = !peer->ended && !peer->failed;
	return (short)((sending ? POLLOUT : 0) | (receiving ? POLLIN : 0));
}
