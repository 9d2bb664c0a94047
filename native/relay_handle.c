/* The object that relay() returns. It holds a reference to the relay, whose counters stay readable after its end. */
#include "relay_napi.h"

static void handle_finalize(napi_env env, void *data, void *hint)
{
	(void)env;
	(void)hint;
	relay_unref(data);
}

static napi_value handle_constructor(napi_env env, napi_callback_info info)
{
	napi_value this;
	MPTK_NAPI(env, napi_get_cb_info(env, info, NULL, NULL, &this, NULL));
	return this;
}

/* The relay of `this`; NULL with an exception pending when it is none. */
static struct relay *handle_relay(napi_env env, napi_callback_info info)
{
	napi_value this;
	void *relay = NULL;
	MPTK_NAPI(env, napi_get_cb_info(env, info, NULL, NULL, &this, NULL));
	if (napi_unwrap(env, this, &relay) != napi_ok)
		(void)mptk_throw_argument(env, "this", "a relay");
	return relay;
}

static napi_value handle_bytes(napi_env env, napi_callback_info info)
{
	struct relay *relay = handle_relay(env, info);
	uint64_t up, down;
	napi_value pair, value;
	if (relay == NULL)
		return NULL;
	relay_bytes(relay, &up, &down);
	MPTK_NAPI(env, napi_create_array_with_length(env, 2, &pair));
	MPTK_NAPI(env, napi_create_double(env, (double)up, &value));
	MPTK_NAPI(env, napi_set_element(env, pair, 0, value));
	MPTK_NAPI(env, napi_create_double(env, (double)down, &value));
	MPTK_NAPI(env, napi_set_element(env, pair, 1, value));
	return pair;
}

static napi_value handle_abort(napi_env env, napi_callback_info info)
{
	struct relay *relay = handle_relay(env, info);
	if (relay != NULL)
		relay_abort(relay);
	return NULL;
}

static napi_value handle_held(napi_env env, napi_callback_info info)
{
	struct relay *relay = handle_relay(env, info);
	napi_value value;
	if (relay == NULL)
		return NULL;
	MPTK_NAPI(env, napi_create_double(env, (double)relay_held(relay), &value));
	return value;
}

static napi_value handle_hurry(napi_env env, napi_callback_info info)
{
	struct relay *relay = handle_relay(env, info);
	napi_value arg;
	bool hurried;
	if (relay == NULL || !mptk_get_arguments(env, info, 1, &arg) ||
	    !mptk_get_bool(env, arg, "hurried", &hurried))
		return NULL;
	relay_hurry(relay, hurried);
	return mptk_undefined(env);
}

bool mptk_relay_handle_define(napi_env env, napi_ref *class)
{
	const napi_property_descriptor methods[] = {
		{ .utf8name = "bytes", .method = handle_bytes, .attributes = napi_default_method },
		{ .utf8name = "held", .method = handle_held, .attributes = napi_default_method },
		{ .utf8name = "hurry", .method = handle_hurry, .attributes = napi_default_method },
		{ .utf8name = "abort", .method = handle_abort, .attributes = napi_default_method },
	};
	napi_value constructor;
	return napi_define_class(env, "NativeRelay", NAPI_AUTO_LENGTH, handle_constructor, NULL, 4, methods,
	                         &constructor) == napi_ok &&
	       napi_create_reference(env, constructor, 1, class) == napi_ok;
}

napi_value mptk_relay_handle_new(napi_env env, napi_ref class)
{
	napi_value constructor, handle;
	MPTK_NAPI(env, napi_get_reference_value(env, class, &constructor));
	MPTK_NAPI(env, napi_new_instance(env, constructor, 0, NULL, &handle));
	return handle;
}

void mptk_relay_handle_set(napi_env env, napi_value handle, struct relay *relay)
{
	if (napi_wrap(env, handle, relay, handle_finalize, NULL, NULL) != napi_ok)
		relay_unref(relay);
}
