/* NativeRelayOptions of src/native.ts. */
#include <string.h>

#include "info.h"
#include "relay_napi.h"

static void *take_info(int fd)
{
	struct mptk_full_info *full;

	return mptk_full_info_read(fd, &full) == 0 ? full : NULL;
}

static void drop_info(void *full)
{
	mptk_full_info_free(full);
}

static const struct relay_witness info_witness = { .take = take_info, .drop = drop_info };

static bool get_witness(napi_env env, napi_value object, struct relay_options *options)
{
	static const char *const names[] = { "witnessA", "witnessB" };
	bool wanted;
	napi_value value;
	napi_valuetype type;

	for (int side = 0; side < 2; side++) {
		if (napi_get_named_property(env, object, names[side], &value) != napi_ok ||
		    napi_typeof(env, value, &type) != napi_ok)
			return false;
		if (type == napi_undefined)
			continue;
		if (!mptk_get_bool(env, value, names[side], &wanted))
			return false;
		if (wanted)
			options->witness[side] = &info_witness;
	}
	return true;
}

/* Milliseconds from 0; may be left out where that is 0. */
static bool get_timeout(napi_env env, napi_value object, const char *key, bool required, uint64_t *out)
{
	napi_value value;
	napi_valuetype type;
	double timeout;

	if (napi_get_named_property(env, object, key, &value) != napi_ok ||
	    napi_typeof(env, value, &type) != napi_ok)
		return false;
	if (type == napi_undefined && !required)
		return true;
	if (napi_get_value_double(env, value, &timeout) != napi_ok || !(timeout >= 0 && timeout <= 1e15)) {
		(void)mptk_throw_argument(env, key, "milliseconds from 0");
		return false;
	}
	/* A fraction of a millisecond must not become "never". */
	*out = (uint64_t)timeout + (timeout > (double)(uint64_t)timeout);
	return true;
}

bool mptk_relay_options(napi_env env, napi_value object, struct relay_options *options)
{
	napi_value value;
	napi_valuetype type;
	char mode[8];
	uint8_t *head;
	if (napi_typeof(env, object, &type) != napi_ok || type != napi_object) {
		(void)mptk_throw_argument(env, "options", "an object");
		return false;
	}
	if (napi_get_named_property(env, object, "mode", &value) != napi_ok ||
	    !mptk_get_string(env, value, "mode", mode, sizeof mode))
		return false;
	options->splice = strcmp(mode, "splice") == 0;
	if (!options->splice && strcmp(mode, "copy") != 0) {
		(void)mptk_throw_argument(env, "mode", "'splice' or 'copy'");
		return false;
	}
	if (!get_timeout(env, object, "idleTimeout", true, &options->idle_timeout) ||
	    !get_timeout(env, object, "halfClosedTimeout", false, &options->half_closed_timeout) ||
	    !get_timeout(env, object, "stallTimeout", false, &options->stall_timeout) ||
	    !get_witness(env, object, options))
		return false;
	if (napi_get_named_property(env, object, "head", &value) != napi_ok ||
	    napi_typeof(env, value, &type) != napi_ok)
		return false;
	if (type == napi_undefined)
		return true;
	if (!mptk_get_bytes(env, value, "head", &head, &options->head_length))
		return false;
	options->head = head;
	return true;
}
