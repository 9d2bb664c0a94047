#include "json.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

__attribute__((format(printf, 2, 3))) static void put(struct json *json, const char *format, ...)
{
	size_t room = json->size - json->used;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(json->text + json->used, room, format, arguments);
	va_end(arguments);
	if (length < 0 || (size_t)length >= room)
		json->overflow = true;
	else
		json->used += (size_t)length;
}

static void put_key(struct json *json, const char *key)
{
	put(json, "%s\"%s\":", json->comma ? "," : "", key);
	json->comma = true;
}

void json_begin(struct json *json, char *text, size_t size)
{
	*json = (struct json){.text = text, .size = size};
	put(json, "{");
}

void json_open(struct json *json, const char *key)
{
	put_key(json, key);
	put(json, "{");
	json->comma = false;
}

void json_close(struct json *json)
{
	put(json, "}");
	json->comma = true;
}

void json_string(struct json *json, const char *key, const char *value)
{
	put_key(json, key);
	put(json, "\"");
	for (; *value; value++) {
		unsigned char byte = (unsigned char)*value;

		if (byte == '"' || byte == '\\')
			put(json, "\\%c", byte);
		else if (byte < ' ')
			put(json, "\\u%04x", byte);
		else
			put(json, "%c", byte);
	}
	put(json, "\"");
}

void json_integer(struct json *json, const char *key, int64_t value)
{
	put_key(json, key);
	put(json, "%" PRId64, value);
}

void json_number(struct json *json, const char *key, double value)
{
	put_key(json, key);
	put(json, "%.10g", value);
}

void json_bool(struct json *json, const char *key, bool value)
{
	put_key(json, key);
	put(json, value ? "true" : "false");
}

void json_null(struct json *json, const char *key)
{
	put_key(json, key);
	put(json, "null");
}
