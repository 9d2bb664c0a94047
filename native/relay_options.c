/* NativeRelayOptions of src/native.ts. */
#include <stdlib.h>
#include <string.h>

#include "info.h"
#include "relay_napi.h"

static void *take_upstream(int fd)
{
	struct mptk_upstream_info *said;

	return mptk_upstream_info_read(fd, &said) == 0 ? &said->testimony : NULL;
}

static void *take_out_of_tree(int fd)
{
	struct mptk_testimony *said;

	return mptk_out_of_tree_info_read(fd, &said) == 0 ? said : NULL;
}

static const struct relay_witness upstream_witness = { .take = take_upstream, .drop = free };
static const struct relay_witness out_of_tree_witness = { .take = take_out_of_tree, .drop = free };

/* NULL for a name that is none. */
static const struct relay_witness *find_witness(const char *name)
{
	if (strcmp(name, "upstream") == 0)
		return &upstream_witness;
	return strcmp(name, "out-of-tree") == 0 ? &out_of_tree_witness : NULL;
}

static bool get_witness(napi_env env, napi_value object, struct relay_options *options)
{
	static const char *const names[] = { "witnessA", "witnessB" };
	char name[16];
	napi_value value;
	napi_valuetype type;

	for (int side = 0; side < 2; side++) {
		if (napi_get_named_property(env, object, names[side], &value) != napi_ok ||
		    napi_typeof(env, value, &type) != napi_ok)
			return false;
		if (type == napi_undefined)
			continue;
		if (!mptk_get_string(env, value, names[side], name, sizeof(name)))
			return false;
		options->witness[side] = find_witness(name);
		if (options->witness[side] == NULL) {
			(void)mptk_throw_argument(env, names[side], "'upstream' or 'out-of-tree'");
			return false;
		}
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
	return mptk_relay_part(env, object, &options->up) &&
	       mptk_relay_flag(env, object, "exchange", &options->exchange) &&
	       mptk_relay_flag(env, object, "keep", &options->keep);
}
