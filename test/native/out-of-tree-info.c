/*
 * MPTCP_INFO of the out-of-tree kernel for the preloaded library: lengths in and out, what is
 * cut and when it fails as in mptcp_get_info() of its net/mptcp/mptcp_ctrl.c. A pretended
 * second subflow beside the real TCP connection.
 */
#include "preload.h"

#include <arpa/inet.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define STATE_ESTABLISHED 1
/* sizeof(struct tcp_info) of Linux 4.19. */
#define OLD_TCP_INFO 224

union address {
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

struct sub_info {
	union address source, destination;
};

struct pointers {
	uint32_t tcp_info_len, sub_len, meta_len, sub_info_len, total_sub_info_len;
	uint8_t *meta, *initial, *subflows, *sub_info;
};

_Static_assert(sizeof(struct pointers) == POINTERS_SIZE, "struct mptcp_info");

/* Appends one struct, cut where the room ends; returns what was written. */
static uint32_t append(uint8_t *to, uint32_t done, uint32_t room, const void *from, uint32_t length)
{
	uint32_t fits = least(length, room - done);

	memcpy(to + done, from, fits);
	return fits;
}

/* Two subflows: the TCP connection, and one that differs from it in the local address and its RTT. */
int preload_connection_info(int fd, void *value)
{
	struct pointers p;
	struct sub_info sub[2] = { 0 };
	struct tcp_info real_info = { 0 };
	uint8_t info[2][OLD_TCP_INFO], meta[48] = { 0 };
	socklen_t length = sizeof(real_info), source = sizeof(sub->source), destination = sizeof(sub->destination);
	uint32_t tcp_done = 0, sub_done = 0;

	memcpy(&p, value, sizeof(p));
	if (REAL(getsockopt)(fd, IPPROTO_TCP, TCP_INFO, &real_info, &length) < 0 ||
	    getsockname(fd, (struct sockaddr *)&sub[0].source, &source) < 0 ||
	    getpeername(fd, (struct sockaddr *)&sub[0].destination, &destination) < 0)
		return -1;
	if (p.initial && getenv("FAKE_MASTER_GONE"))
		return fail(EINVAL);
	memcpy(info[0], &real_info, OLD_TCP_INFO);
	real_info.tcpi_rtt = 20000;
	memcpy(info[1], &real_info, OLD_TCP_INFO);
	sub[1] = sub[0];
	sub[1].source.v4.sin_addr.s_addr = inet_addr("192.0.2.7");
	meta[0] = STATE_ESTABLISHED;
	memcpy(meta + 40, &real_info.tcpi_bytes_received, 8);

	p.meta_len = least(p.meta_len, sizeof(meta));
	memcpy(p.meta, meta, p.meta_len);
	p.tcp_info_len = least(p.tcp_info_len, OLD_TCP_INFO);
	p.sub_info_len = least(p.sub_info_len, sizeof(sub[0]));
	if (p.initial)
		memcpy(p.initial, info[0], p.tcp_info_len);
	for (int i = 0; i < 2; i++) {
		tcp_done += append(p.subflows, tcp_done, p.sub_len, info[i], p.tcp_info_len);
		sub_done += append(p.sub_info, sub_done, p.total_sub_info_len, &sub[i], p.sub_info_len);
	}
	p.sub_len = tcp_done;
	p.total_sub_info_len = sub_done;
	memcpy(value, &p, sizeof(p));
	return 0;
}
