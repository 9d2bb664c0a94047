/* NativeRelayPart of src/native.ts, and answer(), which takes one. */
#include <errno.h>
#include <string.h>

#include "relay_napi.h"

/* *value is the property; *given says whether there is one. False with an exception pending. */
static bool property(napi_env env, napi_value object, const char *name, napi_value *value, bool *given)
{
	napi_valuetype type;
	if (napi_get_named_property(env, object, name, value) != napi_ok ||
	    napi_typeof(env, *value, &type) != napi_ok)
		return false;
	*given = type != napi_undefined;
	return true;
}

bool mptk_relay_flag(napi_env env, napi_value object, const char *name, bool *out)
{
	napi_value value;
	bool given;
	if (!property(env, object, name, &value, &given))
		return false;
	return !given || mptk_get_bool(env, value, name, out);
}

static bool get_bytes(napi_env env, napi_value object, const char *name, const uint8_t **data, size_t *length)
{
	napi_value value;
	uint8_t *bytes;
	bool given;
	if (!property(env, object, name, &value, &given))
		return false;
	if (!given)
		return true;
	if (!mptk_get_bytes(env, value, name, &bytes, length))
		return false;
	*data = bytes;
	return true;
}

static bool get_end(napi_env env, napi_value object, struct relay_part *part)
{
	static const char expected[] = "a number of bytes, 'chunked' or 'decoded'";
	napi_value value;
	bool given;
	char name[8] = "";
	double length;
	if (!property(env, object, "end", &value, &given))
		return false;
	if (!given)
		return true;
	if (napi_get_value_double(env, value, &length) == napi_ok) {
		/* 2^53: beyond it a double no longer counts. */
		if (!(length >= 0 && length <= 9007199254740992.0)) {
			(void)mptk_throw_argument(env, "end", expected);
			return false;
		}
		part->until = RELAY_UNTIL_LENGTH;
		part->length = (uint64_t)length;
		return true;
	}
	if (!mptk_get_string(env, value, "end", name, sizeof name))
		return false;
	part->until = strcmp(name, "decoded") == 0 ? RELAY_UNTIL_DECODED : RELAY_UNTIL_CHUNKED;
	if (part->until == RELAY_UNTIL_CHUNKED && strcmp(name, "chunked") != 0) {
		(void)mptk_throw_argument(env, "end", expected);
		return false;
	}
	return true;
}

bool mptk_relay_part(napi_env env, napi_value object, struct relay_part *part)
{
	return get_bytes(env, object, "head", &part->head, &part->head_length) &&
	       get_bytes(env, object, "rest", &part->rest, &part->rest_length) && get_end(env, object, part) &&
	       mptk_relay_flag(env, object, "close", &part->close);
}

static bool get_how(napi_env env, napi_value value, enum relay_answer *how)
{
	static const char *const names[] = {
		[RELAY_ANSWER_FINAL] = "final",
		[RELAY_ANSWER_SWITCH] = "switch",
		[RELAY_ANSWER_LAST] = "last",
	};
	char name[8];
	if (!mptk_get_string(env, value, "how", name, sizeof name))
		return false;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (strcmp(name, names[i]) == 0) {
			*how = (enum relay_answer)i;
			return true;
		}
	}
	(void)mptk_throw_argument(env, "how", "'final', 'switch' or 'last'");
	return false;
}

napi_value mptk_relay_answer(napi_env env, struct relay *relay, napi_value object, napi_value value)
{
	struct relay_part part = { 0 };
	enum relay_answer how;
	napi_valuetype type;
	if (napi_typeof(env, object, &type) != napi_ok || type != napi_object)
		return mptk_throw_argument(env, "part", "an object");
	if (!mptk_relay_part(env, object, &part) || !get_how(env, value, &how))
		return NULL;
	int err = relay_answer(relay, &part, how);
	return err == 0 ? mptk_undefined(env) : mptk_throw_errno(env, err, "relay", NULL);
}
