/* Writes one JSON object into a buffer. Strings must be valid UTF-8. */
#ifndef LINKEM_JSON_H
#define LINKEM_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json {
	char *text;
	size_t size, used;
	bool comma;
	/* The text did not fit and is not complete. */
	bool overflow;
};

/* Begins the outermost object. */
void json_begin(struct json *json, char *text, size_t size);
/* Begins a member that is an object; json_close ends it, and the outermost. */
void json_open(struct json *json, const char *key);
void json_close(struct json *json);
void json_string(struct json *json, const char *key, const char *value);
void json_integer(struct json *json, const char *key, int64_t value);
void json_number(struct json *json, const char *key, double value);
void json_bool(struct json *json, const char *key, bool value);
void json_null(struct json *json, const char *key);

#endif
