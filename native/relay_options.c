/* NativeRelayOptions of src/native.ts. */
#include <string.h>

#include "relay_napi.h"

bool mptk_relay_options(napi_env env, napi_value object, struct relay_options *options)
{
	napi_value value;
	napi_valuetype type;
	char mode[8];
	uint8_t *head;
	double timeout;
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
	if (napi_get_named_property(env, object, "idleTimeout", &value) != napi_ok)
		return false;
	if (napi_get_value_double(env, value, &timeout) != napi_ok || !(timeout >= 0 && timeout <= 1e15)) {
		(void)mptk_throw_argument(env, "idleTimeout", "milliseconds from 0");
		return false;
	}
	/* A fraction of a millisecond must not become "never". */
	options->idle_timeout = (uint64_t)timeout + (timeout > (double)(uint64_t)timeout);
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
