/* dial(), cancelDial() and closeSoon() of src/native.ts: dials of dial.h as JavaScript sees them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "dial.h"
#include "turn.h"

/* What one environment (main thread or worker) dials. */
struct dialling {
	napi_env env;
	struct dialer *dialer; /* NULL once the environment is torn down */
	napi_threadsafe_function deliver;
	struct turn *turn;
	uint32_t active;
	/* In progress, by descriptor. */
	struct dial **dials;
	size_t room;
};

/* One dial's own. */
struct call {
	napi_ref done;
	int fd;
	char address[MPTK_ADDRESS_TEXT];
};

/* --- dials in progress ---------------------------------------------------- */

static struct dial **slot(struct dialling *all, int fd)
{
	return fd >= 0 && (size_t)fd < all->room ? &all->dials[fd] : NULL;
}

/* The kernel gives the lowest free numbers, so the table is no longer than descriptors are many. */
static bool make_room(struct dialling *all, int fd)
{
	size_t room = all->room;
	struct dial **dials;

	if ((size_t)fd < room)
		return true;
	room = (size_t)fd + 1 > 2 * room ? (size_t)fd + 1 : 2 * room;
	dials = realloc(all->dials, room * sizeof(*dials));
	if (!dials)
		return false;
	memset(dials + all->room, 0, (room - all->room) * sizeof(*dials));
	all->dials = dials;
	all->room = room;
	return true;
}

/* The event loop stays while dials are in progress. */
static void count(struct dialling *all, bool more)
{
	if (more && all->active++ == 0)
		(void)napi_ref_threadsafe_function(all->env, all->deliver);
	else if (!more && --all->active == 0)
		(void)napi_unref_threadsafe_function(all->env, all->deliver);
}

/* --- ends ----------------------------------------------------------------- */

/* Calls done() or done(error). NULL with an exception pending when it threw. */
static napi_value call_done(napi_env env, const struct call *call, int err)
{
	napi_value this, done, error, returned;

	MPTK_NAPI(env, napi_get_undefined(env, &this));
	MPTK_NAPI(env, napi_get_reference_value(env, call->done, &done));
	error = err == 0 ? this : mptk_errno_error(env, err, "connect", call->address);
	if (!error)
		return NULL;
	MPTK_NAPI(env, napi_call_function(env, this, done, 1, &error, &returned));
	return returned;
}

static void deliver_one(napi_env env, struct dialling *all, struct dial *dial)
{
	struct call *call = dial_user(dial);
	napi_handle_scope scope;

	*slot(all, call->fd) = NULL;
	count(all, false);
	if (napi_open_handle_scope(env, &scope) == napi_ok) {
		if (!call_done(env, call, dial_error(dial)))
			mptk_report_exception(env);
		(void)napi_close_handle_scope(env, scope);
	}
	(void)napi_delete_reference(env, call->done);
	free(call);
	dial_release(dial);
}

/* On the event loop. env is NULL when the thread-safe function is being dropped with calls outstanding. */
static void deliver(napi_env env, napi_value function, void *context, void *data)
{
	struct dialling *all = context;

	(void)function;
	(void)data;
	if (!env || !all->dialer)
		return;
	for (struct dial *dial = dialer_collect(all->dialer), *next; dial; dial = next) {
		next = dial_next(dial);
		deliver_one(env, all, dial);
	}
}

/* On the dialer's thread. Fails only when the environment is closing, and then nobody waits. */
static void notify(void *user)
{
	struct dialling *all = user;

	(void)napi_call_threadsafe_function(all->deliver, NULL, napi_tsfn_nonblocking);
}

/* --- the environment --------------------------------------------------------- */

static void flush(void *data)
{
	struct dialling *all = data;

	if (all->dialer)
		dialer_flush(all->dialer);
}

/* The environment goes, perhaps with dials open: tell nobody. */
static void on_teardown(void *data)
{
	struct dialling *all = data;

	dialer_stop(all->dialer);
	for (struct dial *dial = dialer_collect(all->dialer), *next; dial; dial = next) {
		struct call *call = dial_user(dial);

		next = dial_next(dial);
		(void)napi_delete_reference(all->env, call->done);
		free(call);
		dial_release(dial);
	}
	dialer_free(all->dialer);
	all->dialer = NULL;
}

/* After the last call of deliver. */
static void on_deliver_gone(napi_env env, void *data, void *hint)
{
	struct dialling *all = data;

	(void)env;
	(void)hint;
	free(all->dials);
	free(all);
}

/* --- the functions ------------------------------------------------------------ */

/* Dials; `call` is left to the caller when that fails. */
static bool start(struct dialling *all, int fd, const struct mptk_address *to, struct call *call)
{
	int err = make_room(all, fd) ? 0 : ENOMEM;

	if (err == 0)
		err = dial_start(all->dialer, fd, (const struct sockaddr *)&to->storage, to->length, call,
		                 &all->dials[fd]);
	if (err != 0)
		return mptk_throw_errno(all->env, err, "connect", to->text);
	count(all, true);
	mptk_turn_mark(all->turn);
	return true;
}

static bool is_function(napi_env env, napi_value value)
{
	napi_valuetype type;

	MPTK_NAPI(env, napi_typeof(env, value, &type));
	return type == napi_function || mptk_throw_argument(env, "done", "a function");
}

static struct call *new_call(napi_env env, int fd, const char *address, napi_value done)
{
	struct call *call = calloc(1, sizeof(*call));

	if (!call) {
		(void)mptk_throw_errno(env, ENOMEM, "connect", address);
		return NULL;
	}
	call->fd = fd;
	memcpy(call->address, address, sizeof(call->address));
	if (napi_create_reference(env, done, 1, &call->done) != napi_ok) {
		free(call);
		return NULL;
	}
	return call;
}

/* dial(fd, address, port, done) */
static napi_value js_dial(napi_env env, napi_callback_info info)
{
	napi_value arg[4];
	size_t given = 4;
	struct mptk_address to;
	struct call *call;
	void *all;
	int fd;

	MPTK_NAPI(env, napi_get_cb_info(env, info, &given, arg, NULL, &all));
	if (!mptk_get_int(env, arg[0], "fd", &fd) ||
	    !mptk_get_address(env, arg[1], arg[2], "connect", &to) || !is_function(env, arg[3]))
		return NULL;
	if (fd < 0 || (slot(all, fd) && *slot(all, fd)))
		return mptk_throw_errno(env, fd < 0 ? EBADF : EALREADY, "connect", to.text);
	call = new_call(env, fd, to.text, arg[3]);
	if (!call)
		return NULL;
	if (!start(all, fd, &to, call)) {
		(void)napi_delete_reference(env, call->done);
		free(call);
		return NULL;
	}
	return mptk_undefined(env);
}

/* The one argument of cancelDial and closeSoon; NULL with an exception pending when it is no descriptor. */
static struct dialling *with_descriptor(napi_env env, napi_callback_info info, int *fd)
{
	napi_value arg;
	size_t given = 1;
	void *all;

	MPTK_NAPI(env, napi_get_cb_info(env, info, &given, &arg, NULL, &all));
	return mptk_get_int(env, arg, "fd", fd) ? all : NULL;
}

/* cancelDial(fd) */
static napi_value js_cancel(napi_env env, napi_callback_info info)
{
	int fd;
	struct dialling *all = with_descriptor(env, info, &fd);

	if (!all)
		return NULL;
	struct dial **dial = slot(all, fd);
	if (dial && *dial)
		dial_cancel(all->dialer, *dial);
	return mptk_undefined(env);
}

/* closeSoon(fd) */
static napi_value js_close_soon(napi_env env, napi_callback_info info)
{
	int fd;
	struct dialling *all = with_descriptor(env, info, &fd);

	if (!all)
		return NULL;
	dialer_close(all->dialer, fd);
	mptk_turn_mark(all->turn);
	return mptk_undefined(env);
}

static bool define(napi_env env, napi_value exports, const char *name, napi_callback function, void *all)
{
	napi_value value;

	MPTK_NAPI(env, napi_create_function(env, name, NAPI_AUTO_LENGTH, function, all, &value));
	MPTK_NAPI(env, napi_set_named_property(env, exports, name, value));
	return true;
}

static bool create_deliver(napi_env env, struct dialling *all)
{
	napi_value name;

	MPTK_NAPI(env, napi_create_string_utf8(env, "mptk.dial", NAPI_AUTO_LENGTH, &name));
	MPTK_NAPI(env, napi_create_threadsafe_function(env, NULL, NULL, name, 0, 1, all, on_deliver_gone, all,
	                                               deliver, &all->deliver));
	MPTK_NAPI(env, napi_unref_threadsafe_function(env, all->deliver));
	return true;
}

bool mptk_dial_init(napi_env env, napi_value exports)
{
	struct dialling *all = calloc(1, sizeof(*all));
	int err;

	if (!all)
		return false;
	all->env = env;
	if (!create_deliver(env, all)) {
		free(all);
		return false;
	}
	/* Now, so that a service that is out of descriptors one day can still dial. */
	err = dialer_create(&all->dialer, notify, all);
	if (err != 0) {
		(void)napi_release_threadsafe_function(all->deliver, napi_tsfn_abort);
		return mptk_throw_errno(env, err, "dial", NULL);
	}
	/* After the thread-safe function's own hook, so that this one runs first. */
	MPTK_NAPI(env, napi_add_env_cleanup_hook(env, on_teardown, all));
	all->turn = mptk_turn_open(env, flush, all);
	return all->turn && define(env, exports, "dial", js_dial, all) &&
	       define(env, exports, "cancelDial", js_cancel, all) &&
	       define(env, exports, "closeSoon", js_close_soon, all);
}
