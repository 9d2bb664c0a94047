#include "problem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Copies what fits, without half a UTF-8 character at the end, which would make the JSON invalid. */
static void copy_text(char *to, size_t size, const char *from)
{
	size_t length = strlen(from);

	if (length >= size) {
		length = size - 1;
		while (length > 0 && ((unsigned char)from[length] & 0xc0) == 0x80)
			length--;
	}
	memcpy(to, from, length);
	to[length] = '\0';
}

bool problem_set(struct problem *problem, const char *field, const char *found, const char *expected, ...)
{
	va_list arguments;
	char text[4 * sizeof(problem->expected)];

	va_start(arguments, expected);
	(void)vsnprintf(text, sizeof(text), expected, arguments);
	va_end(arguments);
	copy_text(problem->expected, sizeof(problem->expected), text);
	copy_text(problem->field, sizeof(problem->field), field);
	copy_text(problem->found, sizeof(problem->found), found);
	return false;
}
