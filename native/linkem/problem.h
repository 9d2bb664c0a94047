/* What is wrong with an input: the field, what was expected, what was found. */
#ifndef LINKEM_PROBLEM_H
#define LINKEM_PROBLEM_H

#include <stdbool.h>

struct problem {
	char field[32];
	char expected[200];
	char found[200];
};

/* Fills problem, shortening what is too long. Returns false, so that a parser can `return problem_set(...)`. */
bool problem_set(struct problem *problem, const char *field, const char *found, const char *expected, ...)
	__attribute__((format(printf, 4, 5)));

#endif
