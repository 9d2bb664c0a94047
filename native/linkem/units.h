/* Numbers with a unit. Each returns false with problem filled, naming field, for anything else. */
#ifndef LINKEM_UNITS_H
#define LINKEM_UNITS_H

#include "problem.h"

#include <stdint.h>

/* "20mbit", "9.4mbit", "800kbit", "1gbit", "56000bit": bit/s, 1 to 10^12. */
bool units_rate(const char *field, const char *text, uint64_t *out, struct problem *problem);
/* "50ms", "1.5s", "300us", "10ns", or 0: nanoseconds, up to an hour. */
bool units_duration(const char *field, const char *text, uint64_t *out, struct problem *problem);
/* "1%", "0.05%": 0 to 1. */
bool units_percent(const char *field, const char *text, double *out, struct problem *problem);
/* "64000b", "64kb" (1000), "64kib" (1024), "1mb", "1mib": bytes, at least 1. */
bool units_bytes(const char *field, const char *text, uint64_t *out, struct problem *problem);
/* A whole number from least to most, in decimal. */
bool units_integer(const char *field, const char *text, int64_t least, int64_t most, int64_t *out,
                   struct problem *problem);

#endif
