#include "units.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct unit {
	const char *name;
	double factor;
};

/*
 * A decimal number followed by one of the units (the list ends with a NULL name). Only digits
 * and a point, because strtod alone would also take "-1", "inf" and "0x10".
 */
static bool read_number(const char *text, const struct unit *units, double *out)
{
	size_t digits = strspn(text, "0123456789.");
	char *end;
	double value = strtod(text, &end);

	if (digits == 0 || end != text + digits)
		return false;
	for (; units->name; units++) {
		if (strcasecmp(end, units->name) != 0)
			continue;
		*out = value * units->factor;
		return true;
	}
	return false;
}

bool units_rate(const char *field, const char *text, uint64_t *out, struct problem *problem)
{
	static const struct unit units[] = {{"bit", 1}, {"kbit", 1e3}, {"mbit", 1e6}, {"gbit", 1e9}, {NULL, 0}};
	double value;

	if (!read_number(text, units, &value) || value < 1 || value > 1e12)
		return problem_set(problem, field, text, "a rate from 1bit to 1000gbit, such as 20mbit");
	*out = (uint64_t)(value + 0.5);
	return true;
}

bool units_duration(const char *field, const char *text, uint64_t *out, struct problem *problem)
{
	static const struct unit units[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {NULL, 0}};
	double value = 0;

	if (strcmp(text, "0") != 0 && (!read_number(text, units, &value) || value > 3600e9))
		return problem_set(problem, field, text, "a time from 0 to 3600s, such as 50ms");
	*out = (uint64_t)(value + 0.5);
	return true;
}

bool units_percent(const char *field, const char *text, double *out, struct problem *problem)
{
	static const struct unit units[] = {{"%", 1e-2}, {NULL, 0}};
	double value;

	if (!read_number(text, units, &value) || value > 1)
		return problem_set(problem, field, text, "a share from 0%% to 100%%, such as 1%%");
	*out = value;
	return true;
}

bool units_bytes(const char *field, const char *text, uint64_t *out, struct problem *problem)
{
	static const struct unit units[] = {{"b", 1},      {"kb", 1e3},        {"kib", 1024.0}, {"mb", 1e6},
	                                    {"mib", 0x1p20}, {"gb", 1e9}, {"gib", 0x1p30},  {NULL, 0}};
	double value;

	if (!read_number(text, units, &value) || value < 1 || value > 0x1p50)
		return problem_set(problem, field, text, "a size of at least 1b, such as 64kb");
	*out = (uint64_t)(value + 0.5);
	return true;
}

bool units_integer(const char *field, const char *text, int64_t least, int64_t most, int64_t *out,
                   struct problem *problem)
{
	size_t sign = least < 0 && *text == '-';
	size_t digits = strspn(text + sign, "0123456789");
	long long value;

	errno = 0;
	value = strtoll(text, NULL, 10);
	if (digits == 0 || text[sign + digits] != '\0' || errno != 0 || value < least || value > most)
		return problem_set(problem, field, text, "a whole number from %" PRId64 " to %" PRId64, least, most);
	*out = value;
	return true;
}
