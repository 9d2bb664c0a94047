#include "connected.h"

#include <errno.h>
#include <sys/socket.h>

int mptk_connect_error(int fd)
{
	struct sockaddr_storage peer;
	socklen_t length = sizeof(int), peer_length = sizeof(peer);
	int err = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &length) < 0)
		return errno;
	if (err != 0)
		return err;
	/* No error and no peer: called before the connection was there, or its error was read by others. */
	return getpeername(fd, (struct sockaddr *)&peer, &peer_length) < 0 ? errno : 0;
}
