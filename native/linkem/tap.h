/* One end of the link: a tap device in a host's network namespace. */
#ifndef LINKEM_TAP_H
#define LINKEM_TAP_H

#include <net/ethernet.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

struct tap_options {
	/* Of netns_open. */
	int netns;
	char name[IFNAMSIZ];
	bool has_mac;
	struct ether_addr mac;
	int mtu;
};

struct tap {
	/* -1 when not open. The device is not persistent: it goes when this is closed, however the process ends. */
	int fd;
	char name[IFNAMSIZ];
	struct ether_addr mac;
	int index;
	/* The namespace's table of interface counters. */
	int counters;
};

/*
 * Creates the device inside the namespace and sets it up; addresses are the caller's business.
 * False with what failed on standard error; then nothing is left behind.
 */
bool tap_open(struct tap *tap, const struct tap_options *options);
void tap_close(struct tap *tap);
/* Carrier as of a cable: without it the interface is up but not running. 0, or -1 with errno. */
int tap_set_carrier(const struct tap *tap, bool carrier);
/* Packets that the kernel could not queue for this process. False when the interface was renamed or moved. */
bool tap_dropped(const struct tap *tap, uint64_t *packets);

#endif
