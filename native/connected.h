/* The outcome of a connect() that was in progress. */
#ifndef MPTK_CONNECTED_H
#define MPTK_CONNECTED_H

/* Of a socket that has become writable: 0 when it is connected, else the errno value. Takes the pending error. */
int mptk_connect_error(int fd);

#endif
