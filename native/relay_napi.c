/*
 * The RelayEngine class: relays of relay.h as JavaScript sees them. Ended relays come back
 * through one thread-safe function per engine, a batch per wake; it holds the event loop
 * open exactly while relays are in progress.
 */
#include <errno.h>
#include <stdlib.h>

#include "info.h"
#include "relay.h"
#include "relay_napi.h"
#include "turn.h"

enum { THREADS_MAX = 64 };

struct engine {
	struct relay_engine *relays; /* NULL once the environment is torn down */
	napi_env env;
	napi_threadsafe_function deliver;
	struct turn *turn; /* at whose end started relays begin */
	napi_ref self; /* strong while relays are in progress, so that the object outlives them */
	napi_ref handle_class;
	uint32_t active;
};

/* --- relays in progress ------------------------------------------------ */

/* From the first relay on, the event loop and the engine object stay. NULL with an exception pending. */
static napi_value count_in(napi_env env, struct engine *engine)
{
	napi_value nothing;
	MPTK_NAPI(env, napi_get_undefined(env, &nothing));
	if (engine->active == 0) {
		MPTK_NAPI(env, napi_ref_threadsafe_function(env, engine->deliver));
		MPTK_NAPI(env, napi_reference_ref(env, engine->self, NULL));
	}
	engine->active++;
	return nothing;
}

static void count_out(napi_env env, struct engine *engine)
{
	if (--engine->active > 0)
		return;
	(void)napi_unref_threadsafe_function(env, engine->deliver);
	(void)napi_reference_unref(env, engine->self, NULL);
}

/* --- ends -------------------------------------------------------------- */

static napi_value cause_name(napi_env env, enum relay_cause cause)
{
	static const char *const names[] = {
		[RELAY_EOF] = "eof",
		[RELAY_RESET] = "reset",
		[RELAY_TIMEOUT] = "timeout",
		[RELAY_HALF_CLOSED] = "half-closed",
		[RELAY_STALLED] = "stalled",
		[RELAY_ABORTED] = "aborted",
	};
	napi_value name;
	MPTK_NAPI(env, napi_create_string_utf8(env, names[cause], NAPI_AUTO_LENGTH, &name));
	return name;
}

/* What was learnt of a side, or undefined. NULL with an exception pending. */
static napi_value testimony(napi_env env, const struct relay *relay, int side)
{
	const struct mptk_testimony *said = relay_testimony(relay, side);
	return said == NULL ? mptk_undefined(env) : said->object(env, said);
}

/* What a sent beyond its message, or undefined. NULL with an exception pending. */
static napi_value carried(napi_env env, const struct relay *relay)
{
	size_t length;
	const uint8_t *data = relay_carried(relay, &length);
	napi_value buffer;
	if (length == 0)
		return mptk_undefined(env);
	MPTK_NAPI(env, napi_create_buffer_copy(env, length, data, NULL, &buffer));
	return buffer;
}

/* Calls done(cause, up, down, side, errno, infoA, infoB, carried, whole). NULL with an exception pending when it threw. */
static napi_value call_done(napi_env env, napi_value done, const struct relay *relay,
                            const struct relay_result *result)
{
	napi_value this, args[9], returned;
	MPTK_NAPI(env, napi_get_undefined(env, &this));
	args[0] = cause_name(env, result->cause);
	if (args[0] == NULL)
		return NULL;
	MPTK_NAPI(env, napi_create_double(env, (double)result->up, &args[1]));
	MPTK_NAPI(env, napi_create_double(env, (double)result->down, &args[2]));
	args[3] = args[4] = this;
	if (result->side >= 0)
		MPTK_NAPI(env, napi_create_string_utf8(env, result->side == 0 ? "a" : "b", 1, &args[3]));
	if (result->cause == RELAY_RESET) {
		MPTK_NAPI(env, napi_create_string_utf8(env, mptk_errno_name(result->error),
		                                       NAPI_AUTO_LENGTH, &args[4]));
	}
	args[5] = testimony(env, relay, 0);
	args[6] = testimony(env, relay, 1);
	args[7] = carried(env, relay);
	if (args[5] == NULL || args[6] == NULL || args[7] == NULL)
		return NULL;
	MPTK_NAPI(env, napi_get_boolean(env, result->whole, &args[8]));
	MPTK_NAPI(env, napi_call_function(env, this, done, 9, args, &returned));
	return returned;
}

static void deliver_one(napi_env env, struct engine *engine, struct relay *relay)
{
	napi_ref waiting = relay_user(relay);
	struct relay_result result = relay_result(relay);
	napi_handle_scope scope;
	napi_value done;
	count_out(env, engine);
	if (napi_open_handle_scope(env, &scope) == napi_ok) {
		if (napi_get_reference_value(env, waiting, &done) == napi_ok &&
		    call_done(env, done, relay, &result) == NULL)
			mptk_report_exception(env);
		(void)napi_close_handle_scope(env, scope);
	}
	(void)napi_delete_reference(env, waiting);
	relay_unref(relay);
}

/* On the event loop. env is NULL when the thread-safe function is being dropped with calls outstanding. */
static void deliver(napi_env env, napi_value function, void *context, void *data)
{
	(void)function;
	(void)data;
	if (env == NULL)
		return;
	struct engine *engine = context;
	if (engine->relays == NULL)
		return;
	for (struct relay *relay = relay_engine_collect(engine->relays), *next; relay != NULL; relay = next) {
		next = relay_next(relay);
		deliver_one(env, engine, relay);
	}
}

/* On a relay thread. Fails only when the environment is closing, and then nobody waits. */
static void notify(void *user)
{
	struct engine *engine = user;
	(void)napi_call_threadsafe_function(engine->deliver, NULL, napi_tsfn_nonblocking);
}

static void flush(void *user)
{
	struct engine *engine = user;
	if (engine->relays != NULL)
		relay_engine_flush(engine->relays);
}

/* --- the engine -------------------------------------------------------- */

/* The environment goes, perhaps with relays open: stop the threads, tell nobody. */
static void engine_teardown(void *data)
{
	struct engine *engine = data;
	relay_engine_stop(engine->relays);
	for (struct relay *relay = relay_engine_collect(engine->relays), *next; relay != NULL; relay = next) {
		next = relay_next(relay);
		(void)napi_delete_reference(engine->env, relay_user(relay));
		relay_unref(relay);
	}
	relay_engine_free(engine->relays);
	engine->relays = NULL;
}

static void engine_finalize(napi_env env, void *data, void *hint)
{
	struct engine *engine = data;
	(void)hint;
	if (engine->relays != NULL) {
		(void)napi_remove_env_cleanup_hook(env, engine_teardown, engine);
		engine_teardown(engine);
		mptk_turn_close(engine->turn);
		(void)napi_release_threadsafe_function(engine->deliver, napi_tsfn_abort);
	}
	(void)napi_delete_reference(env, engine->handle_class);
	(void)napi_delete_reference(env, engine->self);
	free(engine);
}

static napi_value create_deliver(napi_env env, struct engine *engine)
{
	napi_value name;
	MPTK_NAPI(env, napi_create_string_utf8(env, "mptk relay", NAPI_AUTO_LENGTH, &name));
	MPTK_NAPI(env, napi_create_threadsafe_function(env, NULL, NULL, name, 0, 1, NULL, NULL, engine, deliver,
	                                               &engine->deliver));
	MPTK_NAPI(env, napi_unref_threadsafe_function(env, engine->deliver));
	return name;
}

/* new RelayEngine(threads) */
static napi_value engine_constructor(napi_env env, napi_callback_info info)
{
	size_t count = 1;
	napi_value argument, this;
	int threads;
	MPTK_NAPI(env, napi_get_cb_info(env, info, &count, &argument, &this, NULL));
	if (!mptk_get_int(env, argument, "threads", &threads))
		return NULL;
	if (threads < 1 || threads > THREADS_MAX)
		return mptk_throw_argument(env, "threads", "an integer from 1 to 64");
	struct engine *engine = calloc(1, sizeof *engine);
	if (engine == NULL)
		return mptk_throw_errno(env, ENOMEM, "relay", NULL);
	engine->env = env;
	if (create_deliver(env, engine) == NULL) {
		free(engine);
		return NULL;
	}
	int err = relay_engine_create(&engine->relays, (unsigned)threads, notify, engine);
	if (err == 0) {
		engine->turn = mptk_turn_open(env, flush, engine);
	} else {
		(void)mptk_throw_errno(env, err, "relay", NULL);
	}
	if (engine->turn == NULL) {
		if (err == 0)
			relay_engine_free(engine->relays);
		(void)napi_release_threadsafe_function(engine->deliver, napi_tsfn_abort);
		free(engine);
		return NULL;
	}
	/* After the thread-safe function's own hook, so that this one runs first. */
	MPTK_NAPI(env, napi_add_env_cleanup_hook(env, engine_teardown, engine));
	MPTK_NAPI(env, napi_wrap(env, this, engine, engine_finalize, NULL, &engine->self));
	return mptk_relay_handle_define(env, &engine->handle_class) ? this : NULL;
}

/* The engine of `this`; NULL with an exception pending when it is none. */
static struct engine *engine_this(napi_env env, napi_callback_info info, size_t *count, napi_value *args)
{
	napi_value this;
	void *engine = NULL;
	MPTK_NAPI(env, napi_get_cb_info(env, info, count, args, &this, NULL));
	if (napi_unwrap(env, this, &engine) != napi_ok)
		(void)mptk_throw_argument(env, "this", "a RelayEngine");
	return engine;
}

/* Starts the relay; options->user is left to the caller when that fails. */
static napi_value start(napi_env env, struct engine *engine, int a, int b, const struct relay_options *options)
{
	struct relay *relay;
	/* The object first: a relay that runs can no longer fail to have one. */
	napi_value handle = mptk_relay_handle_new(env, engine->handle_class);
	if (handle == NULL || count_in(env, engine) == NULL)
		return NULL;
	int err = relay_start(engine->relays, a, b, options, &relay);
	if (err != 0) {
		count_out(env, engine);
		return mptk_throw_errno(env, err, "relay", NULL);
	}
	mptk_relay_handle_set(env, handle, relay);
	mptk_turn_mark(engine->turn);
	return handle;
}

/* relay(a, b, options, done) */
static napi_value engine_relay(napi_env env, napi_callback_info info)
{
	size_t count = 4;
	napi_value args[4];
	napi_valuetype type;
	napi_ref done;
	int a, b;
	struct relay_options options = { 0 };
	struct engine *engine = engine_this(env, info, &count, args);
	if (engine == NULL || !mptk_get_int(env, args[0], "a", &a) || !mptk_get_int(env, args[1], "b", &b) ||
	    !mptk_relay_options(env, args[2], &options))
		return NULL;
	MPTK_NAPI(env, napi_typeof(env, args[3], &type));
	if (type != napi_function)
		return mptk_throw_argument(env, "done", "a function");
	MPTK_NAPI(env, napi_create_reference(env, args[3], 1, &done));
	options.user = done;
	napi_value handle = start(env, engine, a, b, &options);
	if (handle == NULL)
		(void)napi_delete_reference(env, done);
	return handle;
}

static napi_value engine_stop(napi_env env, napi_callback_info info)
{
	size_t count = 0;
	struct engine *engine = engine_this(env, info, &count, NULL);
	if (engine != NULL)
		relay_engine_stop(engine->relays);
	return NULL;
}

/* memoryShort(isShort) */
static napi_value engine_memory_short(napi_env env, napi_callback_info info)
{
	size_t count = 1;
	napi_value argument;
	bool is_short;
	struct engine *engine = engine_this(env, info, &count, &argument);
	if (engine == NULL || !mptk_get_bool(env, argument, "isShort", &is_short))
		return NULL;
	if (engine->relays != NULL)
		relay_engine_memory_short(engine->relays, is_short);
	return NULL;
}

static napi_value engine_active(napi_env env, napi_callback_info info)
{
	size_t count = 0;
	napi_value value;
	struct engine *engine = engine_this(env, info, &count, NULL);
	if (engine == NULL)
		return NULL;
	MPTK_NAPI(env, napi_create_uint32(env, engine->active, &value));
	return value;
}

bool mptk_relay_init(napi_env env, napi_value exports)
{
	const napi_property_descriptor members[] = {
		{ .utf8name = "relay", .method = engine_relay, .attributes = napi_default_method },
		{ .utf8name = "stop", .method = engine_stop, .attributes = napi_default_method },
		{ .utf8name = "memoryShort", .method = engine_memory_short, .attributes = napi_default_method },
		{ .utf8name = "active", .getter = engine_active, .attributes = napi_enumerable },
	};
	napi_value class;
	return napi_define_class(env, "RelayEngine", NAPI_AUTO_LENGTH, engine_constructor, NULL, 4, members,
	                         &class) == napi_ok &&
	       napi_set_named_property(env, exports, "RelayEngine", class) == napi_ok;
}
