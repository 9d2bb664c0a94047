/* Load tool of the benchmarks: what its commands share. */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

enum { BULK_BUFFER = 256 * 1024, MAX_STREAMS = 256, MAX_PARALLEL = 4096 };

/* Where the client connects, and how. `via` is a fixed-target proxy or, with `socks`, a
 * SOCKS5 server that is asked for `to`; `to` is then spread over `spread` loopback addresses. */
struct target {
	struct sockaddr_in via;
	struct sockaddr_in to;
	bool socks;
	bool mptcp;
	unsigned spread;
};

/* Every failure of a call that must not fail ends the tool with one line on stderr. */
_Noreturn void die(const char *what);
_Noreturn void die_message(const char *format, ...) __attribute__((format(printf, 1, 2)));

uint64_t parse_number(const char *text, uint64_t max);
struct sockaddr_in parse_address(const char *text);
double now(void);

/* As many descriptors as the hard limit allows. */
void raise_descriptor_limit(void);

/* A socket for the nth connection, bound to one of `spread` loopback sources so that ports
 * in TIME_WAIT never run out. Returns -1 with errno set. */
int client_socket(const struct target *target, unsigned nth, int flags);

/* Ends the tool when a connection that was to speak MPTCP fell back, or the other way round. */
void check_transport(int fd, const struct target *target);

/* RFC 1928: the greeting that offers no authentication, and the CONNECT request for the nth connection. */
enum { SOCKS_GREETING = 3, SOCKS_METHOD = 2, SOCKS_REQUEST = 10, SOCKS_REPLY = 10 };
void socks_greeting(uint8_t out[SOCKS_GREETING]);
void socks_request(const struct target *target, unsigned nth, uint8_t out[SOCKS_REQUEST]);
bool socks_method_ok(const uint8_t in[SOCKS_METHOD]);
bool socks_reply_ok(const uint8_t in[SOCKS_REPLY]);

/* Blocking: connected, and through the SOCKS5 handshake where the target has one. */
int open_session(const struct target *target, unsigned nth);
void send_all(int fd, const void *bytes, size_t length);
void recv_all(int fd, void *bytes, size_t length);

/* The commands. */
void serve_sink(uint64_t bytes);
void serve_source(uint64_t bytes);
void serve_echo(void);
void run_send(const struct target *target, uint64_t bytes, unsigned streams);
void run_fetch(const struct target *target, uint64_t bytes, unsigned streams);
void run_storm(const struct target *target, unsigned count, unsigned parallel);
void run_hold(const struct target *target, char *steps);

#endif
