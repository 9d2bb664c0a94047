#include "tap.h"

#include "netns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Packets the kernel keeps for us while we do not run; the default of 500 is 30 ms at 200 Mbit/s. */
#define READ_QUEUE 4096

static bool fail(const char *what, const char *name)
{
	(void)fprintf(stderr, "linkem: %s %s: %s\n", what, name, strerror(errno));
	return false;
}

static struct ifreq request_for(const char *name)
{
	struct ifreq request = {.ifr_flags = 0};

	memcpy(request.ifr_name, name, IFNAMSIZ);
	return request;
}

static bool create_device(struct tap *tap, const char *name)
{
	struct ifreq request = request_for(name);

	tap->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (tap->fd < 0)
		return fail("open", "/dev/net/tun");
	/* Without IFF_VNET_HDR the kernel hands over single packets with checksums: what a wire carries. */
	request.ifr_flags = (short)(IFF_TAP | IFF_NO_PI | IFF_TUN_EXCL);
	if (ioctl(tap->fd, TUNSETIFF, &request) != 0)
		return fail("TUNSETIFF", name);
	memcpy(tap->name, request.ifr_name, IFNAMSIZ);
	return true;
}

static bool set_mac(int control, const char *name, const struct ether_addr *mac)
{
	struct ifreq request = request_for(name);

	request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
	memcpy(request.ifr_hwaddr.sa_data, mac, sizeof(*mac));
	return ioctl(control, SIOCSIFHWADDR, &request) == 0 || fail("SIOCSIFHWADDR", name);
}

static bool set_sizes(int control, const char *name, int mtu)
{
	struct ifreq request = request_for(name);

	request.ifr_mtu = mtu;
	if (ioctl(control, SIOCSIFMTU, &request) != 0)
		return fail("SIOCSIFMTU", name);
	request.ifr_qlen = READ_QUEUE;
	return ioctl(control, SIOCSIFTXQLEN, &request) == 0 || fail("SIOCSIFTXQLEN", name);
}

static bool set_up(int control, const char *name)
{
	struct ifreq request = request_for(name);

	if (ioctl(control, SIOCGIFFLAGS, &request) != 0)
		return fail("SIOCGIFFLAGS", name);
	request.ifr_flags |= IFF_UP;
	return ioctl(control, SIOCSIFFLAGS, &request) == 0 || fail("SIOCSIFFLAGS", name);
}

static bool read_back(int control, struct tap *tap)
{
	struct ifreq request = request_for(tap->name);

	if (ioctl(control, SIOCGIFHWADDR, &request) != 0)
		return fail("SIOCGIFHWADDR", tap->name);
	memcpy(&tap->mac, request.ifr_hwaddr.sa_data, sizeof(tap->mac));
	if (ioctl(control, SIOCGIFINDEX, &request) != 0)
		return fail("SIOCGIFINDEX", tap->name);
	tap->index = request.ifr_ifindex;
	return true;
}

/* Runs inside the namespace. */
static bool open_inside(struct tap *tap, const struct tap_options *options)
{
	int control;
	bool done;

	if (!create_device(tap, options->name))
		return false;
	tap->counters = open("/proc/thread-self/net/dev", O_RDONLY | O_CLOEXEC);
	if (tap->counters < 0)
		return fail("open", "/proc/thread-self/net/dev");
	control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (control < 0)
		return fail("socket", "AF_INET");
	done = (!options->has_mac || set_mac(control, tap->name, &options->mac)) &&
	       set_sizes(control, tap->name, options->mtu) && set_up(control, tap->name) && read_back(control, tap);
	(void)close(control);
	return done;
}

bool tap_open(struct tap *tap, const struct tap_options *options)
{
	int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	bool done = false;

	*tap = (struct tap){.fd = -1, .counters = -1};
	if (home < 0)
		return fail("open", "/proc/thread-self/ns/net");
	if (netns_enter(options->netns) != 0)
		(void)fail("setns for", options->name);
	else
		done = open_inside(tap, options);
	if (netns_enter(home) != 0)
		done = fail("setns", "back");
	(void)close(home);
	if (!done)
		tap_close(tap);
	return done;
}

void tap_close(struct tap *tap)
{
	if (tap->fd >= 0)
		(void)close(tap->fd);
	if (tap->counters >= 0)
		(void)close(tap->counters);
	tap->fd = tap->counters = -1;
}

int tap_set_carrier(const struct tap *tap, bool carrier)
{
	int value = carrier;

	return ioctl(tap->fd, TUNSETCARRIER, &value);
}

/* Fields of /proc/net/dev behind the name: eight of reception, then bytes, packets, errors and drops of sending. */
static bool read_drops(const char *line, const char *name, uint64_t *packets)
{
	size_t length = strlen(name);
	unsigned long long drops;

	line += strspn(line, " ");
	if (strncmp(line, name, length) != 0 || line[length] != ':')
		return false;
	if (sscanf(line + length + 1, "%*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %llu", &drops) != 1)
		return false;
	*packets = drops;
	return true;
}

bool tap_dropped(const struct tap *tap, uint64_t *packets)
{
	char line[512];
	bool found = false;
	FILE *file;
	int copy = dup(tap->counters);

	if (copy < 0)
		return false;
	file = lseek(copy, 0, SEEK_SET) == 0 ? fdopen(copy, "r") : NULL;
	if (!file) {
		(void)close(copy);
		return false;
	}
	while (!found && fgets(line, sizeof(line), file))
		found = read_drops(line, tap->name, packets);
	(void)fclose(file);
	return found;
}
