/*
 * The relay engine for JavaScript: the classes RelayEngine and NativeRelay of src/native.ts.
 *
 * Ended relays are collected in batches on the event loop, by one thread-safe function per
 * engine. While relays are in progress it keeps the process and the engine's object alive;
 * with none it holds neither.
 */
#include "common.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "relay.h"

#define MOST_THREADS 64

struct engine {
	napi_env env;
	struct relay_engine *relays; /* NULL once stopped for good */
	napi_threadsafe_function ended;
	napi_ref self;      /* weak while no relay is in progress */
	napi_ref handle_of; /* constructor of NativeRelay */
	uint32_t active;
};

/* --- ended relays, on the event loop ------------------------------------ */

static const char *cause_name(enum relay_cause cause)
{
	switch (cause) {
	case RELAY_EOF:
		return "eof";
	case RELAY_RESET:
		return "reset";
	case RELAY_TIMEOUT:
		return "timeout";
	default:
		return "aborted";
	}
}

static bool string_or_undefined(napi_env env, const char *text, napi_value *out)
{
	if (text == NULL)
		return napi_get_undefined(env, out) == napi_ok;
	return napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, out) == napi_ok;
}

/* Calls done(cause, up, down, side, errno); an exception it throws is the event loop's. */
static void call_done(napi_env env, napi_value callback, const struct relay_result *result)
{
	napi_value self, args[5];
	const char *side = result->side < 0 ? NULL : result->side == 0 ? "a" : "b";
	const char *name = result->error == 0 ? NULL : mptk_errno_name(result->error);

	if (napi_get_undefined(env, &self) != napi_ok || !string_or_undefined(env, cause_name(result->cause), &args[0]) ||
	    napi_create_int64(env, (int64_t)result->up, &args[1]) != napi_ok ||
	    napi_create_int64(env, (int64_t)result->down, &args[2]) != napi_ok ||
	    !string_or_undefined(env, side, &args[3]) || !string_or_undefined(env, name, &args[4]))
		return;
	if (napi_call_function(env, self, callback, 5, args, NULL) == napi_pending_exception) {
		napi_value error;
		if (napi_get_and_clear_last_exception(env, &error) == napi_ok)
			(void)napi_fatal_exception(env, error);
	}
}

static void deliver(napi_env env, struct relay *relay)
{
	napi_ref reference = relay_user(relay);
	struct relay_result result = relay_result(relay);
	napi_handle_scope scope;
	napi_value callback;

	if (napi_open_handle_scope(env, &scope) != napi_ok)
		return;
	if (napi_get_reference_value(env, reference, &callback) == napi_ok && callback != NULL) {
		(void)napi_delete_reference(env, reference);
		call_done(env, callback, &result);
	}
	(void)napi_close_handle_scope(env, scope);
}

/* The last relay has ended: nothing more to wait for. */
static void rest(struct engine *engine)
{
	uint32_t count;

	(void)napi_unref_threadsafe_function(engine->env, engine->ended);
	(void)napi_reference_unref(engine->env, engine->self, &count);
}

static void on_ended(napi_env env, napi_value unused, void *context, void *data)
{
	struct engine *engine = context;

	(void)unused;
	(void)data;
	if (env == NULL || engine->relays == NULL)
		return;
	for (struct relay *relay = relay_engine_collect(engine->relays), *next; relay != NULL; relay = next) {
		next = relay_next(relay);
		engine->active--;
		deliver(env, relay);
		relay_unref(relay);
		if (engine->active == 0)
			rest(engine);
	}
}

/* On a relay thread. Fails only when the event loop is ending, and then nobody listens. */
static void notify(void *user)
{
	struct engine *engine = user;

	(void)napi_call_threadsafe_function(engine->ended, NULL, napi_tsfn_nonblocking);
}

/* --- NativeRelay --------------------------------------------------------- */

static struct relay *this_relay(napi_env env, napi_callback_info info)
{
	napi_value self;
	void *relay;

	MPTK_NAPI(env, napi_get_cb_info(env, info, NULL, NULL, &self, NULL));
	MPTK_NAPI(env, napi_unwrap(env, self, &relay));
	return relay;
}

static napi_value relay_bytes_method(napi_env env, napi_callback_info info)
{
	struct relay *relay = this_relay(env, info);
	uint64_t up, down;
	napi_value pair, value;

	if (relay == NULL)
		return NULL;
	relay_bytes(relay, &up, &down);
	MPTK_NAPI(env, napi_create_array_with_length(env, 2, &pair));
	MPTK_NAPI(env, napi_create_int64(env, (int64_t)up, &value));
	MPTK_NAPI(env, napi_set_element(env, pair, 0, value));
	MPTK_NAPI(env, napi_create_int64(env, (int64_t)down, &value));
	MPTK_NAPI(env, napi_set_element(env, pair, 1, value));
	return pair;
}

static napi_value relay_abort_method(napi_env env, napi_callback_info info)
{
	struct relay *relay = this_relay(env, info);

	if (relay != NULL)
		relay_abort(relay);
	return NULL;
}

static void relay_finalize(napi_env env, void *data, void *hint)
{
	(void)env;
	(void)hint;
	relay_unref(data);
}

/* Instances are made by RelayEngine.relay() alone, which wraps the relay itself. */
static napi_value relay_construct(napi_env env, napi_callback_info info)
{
	napi_value self;

	MPTK_NAPI(env, napi_get_cb_info(env, info, NULL, NULL, &self, NULL));
	return self;
}

/* --- RelayEngine.relay() ------------------------------------------------- */

static struct engine *this_engine(napi_env env, napi_callback_info info, size_t argc, napi_value *argv)
{
	napi_value self;
	void *engine;

	MPTK_NAPI(env, napi_get_cb_info(env, info, &argc, argv, &self, NULL));
	MPTK_NAPI(env, napi_unwrap(env, self, &engine));
	return engine;
}

static bool read_mode(napi_env env, napi_value options, bool *splice)
{
	napi_value value;
	char mode[8];

	if (napi_get_named_property(env, options, "mode", &value) != napi_ok ||
	    !mptk_get_string(env, value, "options.mode", mode, sizeof mode))
		return false;
	*splice = strcmp(mode, "splice") == 0;
	if (!*splice && strcmp(mode, "copy") != 0) {
		(void)mptk_throw_argument(env, "options.mode", "splice or copy");
		return false;
	}
	return true;
}

static bool read_options(napi_env env, napi_value options, struct relay_options *out)
{
	napi_value value;
	napi_valuetype type;
	uint8_t *head;
	double timeout;

	if (napi_typeof(env, options, &type) != napi_ok || type != napi_object) {
		(void)mptk_throw_argument(env, "options", "an object");
		return false;
	}
	if (!read_mode(env, options, &out->splice))
		return false;
	if (napi_get_named_property(env, options, "idleTimeout", &value) != napi_ok ||
	    napi_get_value_double(env, value, &timeout) != napi_ok || !(timeout >= 0 && timeout < 9e15)) {
		(void)mptk_throw_argument(env, "options.idleTimeout", "milliseconds, 0 for never");
		return false;
	}
	out->idle_timeout = (uint64_t)timeout;
	if (napi_get_named_property(env, options, "head", &value) != napi_ok ||
	    napi_typeof(env, value, &type) != napi_ok)
		return false;
	if (type == napi_undefined)
		return true;
	if (!mptk_get_bytes(env, value, "options.head", &head, &out->head_length))
		return false;
	out->head = head;
	return true;
}

/* The JavaScript object for a relay; it takes over the reference. */
static napi_value handle_for(napi_env env, struct engine *engine, struct relay *relay)
{
	napi_value constructor, handle;

	if (napi_get_reference_value(env, engine->handle_of, &constructor) != napi_ok ||
	    napi_new_instance(env, constructor, 0, NULL, &handle) != napi_ok ||
	    napi_wrap(env, handle, relay, relay_finalize, NULL, NULL) != napi_ok) {
		relay_abort(relay);
		relay_unref(relay);
		return NULL;
	}
	return handle;
}

/* The first relay in progress keeps the event loop and this engine's object alive. */
static void wake(napi_env env, struct engine *engine)
{
	uint32_t count;

	if (engine->active++ > 0)
		return;
	(void)napi_ref_threadsafe_function(env, engine->ended);
	(void)napi_reference_ref(env, engine->self, &count);
}

static napi_value engine_relay(napi_env env, napi_callback_info info)
{
	napi_value argv[4];
	napi_ref callback;
	napi_valuetype type;
	struct relay_options options = { 0 };
	struct relay *relay;
	int a, b;
	struct engine *engine = this_engine(env, info, 4, argv);

	if (engine == NULL || !mptk_get_int(env, argv[0], "a", &a) || !mptk_get_int(env, argv[1], "b", &b) ||
	    !read_options(env, argv[2], &options))
		return NULL;
	MPTK_NAPI(env, napi_typeof(env, argv[3], &type));
	if (type != napi_function)
		return mptk_throw_argument(env, "done", "a function");
	MPTK_NAPI(env, napi_create_reference(env, argv[3], 1, &callback));
	options.user = callback;
	int err = relay_start(engine->relays, a, b, &options, &relay);
	if (err != 0) {
		(void)napi_delete_reference(env, callback);
		return mptk_throw_errno(env, err, "relay", NULL);
	}
	wake(env, engine);
	return handle_for(env, engine, relay);
}

/* --- RelayEngine ---------------------------------------------------------- */

static napi_value engine_active(napi_env env, napi_callback_info info)
{
	struct engine *engine = this_engine(env, info, 0, NULL);
	napi_value value;

	if (engine == NULL)
		return NULL;
	MPTK_NAPI(env, napi_create_uint32(env, engine->active, &value));
	return value;
}

static napi_value engine_stop(napi_env env, napi_callback_info info)
{
	struct engine *engine = this_engine(env, info, 0, NULL);

	if (engine != NULL)
		relay_engine_stop(engine->relays);
	return NULL;
}

/* The event loop is ending: no thread may outlive what it would call. */
static void on_environment_end(void *data)
{
	struct engine *engine = data;

	relay_engine_free(engine->relays);
	engine->relays = NULL;
}

static void engine_finalize(napi_env env, void *data, void *hint)
{
	struct engine *engine = data;

	(void)hint;
	if (engine->relays != NULL) {
		(void)napi_remove_env_cleanup_hook(env, on_environment_end, engine);
		relay_engine_free(engine->relays);
		(void)napi_release_threadsafe_function(engine->ended, napi_tsfn_abort);
	}
	(void)napi_delete_reference(env, engine->handle_of);
	(void)napi_delete_reference(env, engine->self);
	free(engine);
}

static bool create_ended(napi_env env, struct engine *engine)
{
	napi_value name;

	return napi_create_string_utf8(env, "mptk relay", NAPI_AUTO_LENGTH, &name) == napi_ok &&
	       napi_create_threadsafe_function(env, NULL, NULL, name, 0, 1, NULL, NULL, engine, on_ended,
	                                       &engine->ended) == napi_ok &&
	       napi_unref_threadsafe_function(env, engine->ended) == napi_ok;
}

static bool define_handle(napi_env env, struct engine *engine)
{
	const napi_property_descriptor methods[] = {
		{ "bytes", NULL, relay_bytes_method, NULL, NULL, NULL, napi_default_method, NULL },
		{ "abort", NULL, relay_abort_method, NULL, NULL, NULL, napi_default_method, NULL },
	};
	napi_value constructor;

	return napi_define_class(env, "NativeRelay", NAPI_AUTO_LENGTH, relay_construct, NULL, 2, methods,
	                         &constructor) == napi_ok &&
	       napi_create_reference(env, constructor, 1, &engine->handle_of) == napi_ok;
}

static napi_value engine_construct(napi_env env, napi_callback_info info)
{
	napi_value self, argv[1];
	size_t argc = 1;
	int threads;

	MPTK_NAPI(env, napi_get_cb_info(env, info, &argc, argv, &self, NULL));
	if (!mptk_get_int(env, argv[0], "threads", &threads))
		return NULL;
	if (threads < 1 || threads > MOST_THREADS)
		return mptk_throw_argument(env, "threads", "1 to 64");
	struct engine *engine = calloc(1, sizeof *engine);
	if (engine == NULL)
		return mptk_throw_errno(env, ENOMEM, "relay", NULL);
	engine->env = env;
	if (!create_ended(env, engine) || !define_handle(env, engine)) {
		free(engine);
		return NULL;
	}
	int err = relay_engine_create(&engine->relays, (unsigned)threads, notify, engine);
	if (err != 0) {
		(void)napi_release_threadsafe_function(engine->ended, napi_tsfn_abort);
		free(engine);
		return mptk_throw_errno(env, err, "pthread_create", NULL);
	}
	MPTK_NAPI(env, napi_wrap(env, self, engine, engine_finalize, NULL, NULL));
	MPTK_NAPI(env, napi_create_reference(env, self, 0, &engine->self));
	MPTK_NAPI(env, napi_add_env_cleanup_hook(env, on_environment_end, engine));
	return self;
}

bool mptk_relay_init(napi_env env, napi_value exports)
{
	const napi_property_descriptor members[] = {
		{ "relay", NULL, engine_relay, NULL, NULL, NULL, napi_default_method, NULL },
		{ "stop", NULL, engine_stop, NULL, NULL, NULL, napi_default_method, NULL },
		{ "active", NULL, NULL, engine_active, NULL, NULL, napi_enumerable, NULL },
	};
	napi_value constructor;

	return napi_define_class(env, "RelayEngine", NAPI_AUTO_LENGTH, engine_construct, NULL,
	                         sizeof members / sizeof members[0], members, &constructor) == napi_ok &&
	       napi_set_named_property(env, exports, "RelayEngine", constructor) == napi_ok;
}
