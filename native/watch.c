/*
 * Readiness of one descriptor on Node's event loop: watch(fd, callback) returns a Watcher
 * around a libuv poll handle.
 *
 * Life: open -> closed; once closed, always closed. An open Watcher is kept alive from here
 * (its owner may drop it and still be called back). Closing cuts the JavaScript object off
 * at once; the C part is freed when libuv has let go of the handle.
 */
#include "common.h"

#include <errno.h>
#include <stdlib.h>
#include <uv.h>

/* What the watchers of one environment (main thread or worker) share. */
struct watching {
	napi_env env;
	uv_loop_t *loop;
	/* Under which callbacks run, so that promises and nextTick callbacks follow each of them. */
	napi_async_context context;
	napi_ref constructor;
	/* Open ones. */
	struct watcher *first;
	/* Open ones and those libuv has not let go of yet. */
	size_t handles;
	napi_async_cleanup_hook_handle teardown;
	bool ending;
};

struct watcher {
	uv_poll_t poll;
	struct watching *all;
	struct watcher *next, *previous;
	napi_ref object;
	napi_ref callback;
	int events;
};

static void free_watching(struct watching *all)
{
	(void)napi_remove_async_cleanup_hook(all->teardown);
	free(all);
}

static void on_closed(uv_handle_t *handle)
{
	struct watcher *w = handle->data;
	struct watching *all = w->all;

	free(w);
	all->handles--;
	if (all->ending && all->handles == 0)
		free_watching(all);
}

/* Everything but the object's side, which is gone or going when the environment ends. */
static void close_handle(struct watcher *w)
{
	struct watching *all = w->all;

	if (w->previous)
		w->previous->next = w->next;
	else
		all->first = w->next;
	if (w->next)
		w->next->previous = w->previous;
	(void)napi_delete_reference(all->env, w->callback);
	(void)napi_delete_reference(all->env, w->object);
	uv_close((uv_handle_t *)&w->poll, on_closed);
}

/*
 * The environment ends with watchers open. libuv insists that handles are closed before
 * their loop is, and closing takes a turn of the loop, so the end waits for on_closed.
 */
static void on_environment_end(napi_async_cleanup_hook_handle handle, void *data)
{
	struct watching *all = data;

	(void)handle;
	all->ending = true;
	while (all->first)
		close_handle(all->first);
	(void)napi_delete_reference(all->env, all->constructor);
	(void)napi_async_destroy(all->env, all->context);
	if (all->handles == 0)
		free_watching(all);
}

static void call_back(struct watcher *w, bool readable, bool writable)
{
	napi_env env = w->all->env;
	napi_value object, callback, argument[2], error;
	napi_status status;

	if (napi_get_reference_value(env, w->object, &object) != napi_ok ||
	    napi_get_reference_value(env, w->callback, &callback) != napi_ok ||
	    napi_get_boolean(env, readable, &argument[0]) != napi_ok ||
	    napi_get_boolean(env, writable, &argument[1]) != napi_ok)
		return;
	/* The callback may close the watcher: w is not touched after this. */
	status = napi_make_callback(env, w->all->context, object, callback, 2, argument, NULL);
	if (status == napi_pending_exception && napi_get_and_clear_last_exception(env, &error) == napi_ok)
		(void)napi_fatal_exception(env, error);
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
	struct watcher *w = handle->data;
	napi_env env = w->all->env;
	napi_handle_scope scope;

	/* libuv has stopped the handle on an error; a watcher goes on until it is stopped. */
	if (status < 0 && uv_poll_start(handle, w->events, on_poll) != 0)
		w->events = 0;
	if (napi_open_handle_scope(env, &scope) != napi_ok)
		return;
	call_back(w, status < 0 || (events & UV_READABLE), status < 0 || (events & UV_WRITABLE));
	(void)napi_close_handle_scope(env, scope);
}

/* The open watcher that a method was called on, or NULL when it is closed. */
static struct watcher *get_open(napi_env env, napi_callback_info info, size_t count, napi_value *arg,
                                napi_value *this)
{
	size_t given = count;
	void *w = NULL;

	if (napi_get_cb_info(env, info, &given, arg, this, NULL) != napi_ok ||
	    napi_unwrap(env, *this, &w) != napi_ok)
		return NULL;
	return w;
}

static bool get_event(napi_env env, napi_value events, const char *key, const char *label, int event,
                      int *out)
{
	napi_value value;
	bool wanted;

	MPTK_NAPI(env, napi_get_named_property(env, events, key, &value));
	if (!mptk_get_bool(env, value, label, &wanted))
		return false;
	*out |= wanted ? event : 0;
	return true;
}

static napi_value js_start(napi_env env, napi_callback_info info)
{
	napi_value arg, this;
	napi_valuetype type;
	struct watcher *w = get_open(env, info, 1, &arg, &this);
	int events = 0, err;

	if (!w)
		return mptk_throw_errno_about(env, EBADF, "watch", "start", "the watcher is closed");
	MPTK_NAPI(env, napi_typeof(env, arg, &type));
	if (type != napi_object)
		return mptk_throw_argument(env, "events", "an object");
	if (!get_event(env, arg, "readable", "events.readable", UV_READABLE, &events) ||
	    !get_event(env, arg, "writable", "events.writable", UV_WRITABLE, &events))
		return NULL;
	/* The same again would cost libuv two system calls. */
	if (events != w->events) {
		err = uv_poll_start(&w->poll, events, on_poll);
		if (err != 0)
			return mptk_throw_errno(env, -err, "watch", NULL);
		w->events = events;
	}
	return mptk_undefined(env);
}

static napi_value js_stop(napi_env env, napi_callback_info info)
{
	napi_value this;
	struct watcher *w = get_open(env, info, 0, NULL, &this);

	if (w) {
		/* Always 0 (uv_poll_stop). */
		(void)uv_poll_stop(&w->poll);
		w->events = 0;
	}
	return mptk_undefined(env);
}

static napi_value js_close(napi_env env, napi_callback_info info)
{
	napi_value this;
	struct watcher *w = get_open(env, info, 0, NULL, &this);

	if (w) {
		MPTK_NAPI(env, napi_remove_wrap(env, this, NULL));
		close_handle(w);
	}
	return mptk_undefined(env);
}

/* Makes the handle and puts it on the list of open ones; NULL with an exception pending. */
static struct watcher *open_handle(struct watching *all, int fd)
{
	struct watcher *w = calloc(1, sizeof(*w));
	int err = w ? uv_poll_init(all->loop, &w->poll, fd) : UV_ENOMEM;

	if (err != 0) {
		free(w);
		(void)mptk_throw_errno(all->env, -err, "watch", NULL);
		return NULL;
	}
	w->poll.data = w;
	w->all = all;
	w->next = all->first;
	if (w->next)
		w->next->previous = w;
	all->first = w;
	all->handles++;
	return w;
}

/* Ties the object and the handle together; close_handle undoes what was done when this fails. */
static bool tie(napi_env env, struct watcher *w, napi_value object, napi_value callback)
{
	MPTK_NAPI(env, napi_create_reference(env, object, 1, &w->object));
	MPTK_NAPI(env, napi_create_reference(env, callback, 1, &w->callback));
	MPTK_NAPI(env, napi_wrap(env, object, w, NULL, NULL, NULL));
	return true;
}

static napi_value js_watch(napi_env env, napi_callback_info info)
{
	napi_value arg[2], constructor, object;
	napi_valuetype type;
	size_t given = 2;
	void *all;
	struct watcher *w;
	int fd;

	MPTK_NAPI(env, napi_get_cb_info(env, info, &given, arg, NULL, &all));
	if (!mptk_get_int(env, arg[0], "fd", &fd))
		return NULL;
	MPTK_NAPI(env, napi_typeof(env, arg[1], &type));
	if (type != napi_function)
		return mptk_throw_argument(env, "callback", "a function");
	MPTK_NAPI(env, napi_get_reference_value(env, ((struct watching *)all)->constructor, &constructor));
	MPTK_NAPI(env, napi_new_instance(env, constructor, 0, NULL, &object));
	w = open_handle(all, fd);
	if (!w)
		return NULL;
	if (!tie(env, w, object, arg[1])) {
		close_handle(w);
		return NULL;
	}
	return object;
}

/* Only watch() makes Watchers that do something; this makes the empty object. */
static napi_value construct(napi_env env, napi_callback_info info)
{
	napi_value this;

	MPTK_NAPI(env, napi_get_cb_info(env, info, NULL, NULL, &this, NULL));
	return this;
}

static bool define_watcher(napi_env env, napi_ref *constructor)
{
	const napi_property_descriptor methods[] = {
		{ "start", NULL, js_start, NULL, NULL, NULL, napi_default_method, NULL },
		{ "stop", NULL, js_stop, NULL, NULL, NULL, napi_default_method, NULL },
		{ "close", NULL, js_close, NULL, NULL, NULL, napi_default_method, NULL },
	};
	napi_value class;

	MPTK_NAPI(env, napi_define_class(env, "Watcher", NAPI_AUTO_LENGTH, construct, NULL, 3, methods, &class));
	MPTK_NAPI(env, napi_create_reference(env, class, 1, constructor));
	return true;
}

static bool set_up(napi_env env, napi_value exports, struct watching *all)
{
	napi_value name, watch;

	all->env = env;
	MPTK_NAPI(env, napi_get_uv_event_loop(env, &all->loop));
	MPTK_NAPI(env, napi_create_string_utf8(env, "mptk.Watcher", NAPI_AUTO_LENGTH, &name));
	MPTK_NAPI(env, napi_async_init(env, NULL, name, &all->context));
	if (!define_watcher(env, &all->constructor))
		return false;
	MPTK_NAPI(env, napi_create_function(env, "watch", NAPI_AUTO_LENGTH, js_watch, all, &watch));
	MPTK_NAPI(env, napi_set_named_property(env, exports, "watch", watch));
	MPTK_NAPI(env, napi_add_async_cleanup_hook(env, on_environment_end, all, &all->teardown));
	return true;
}

bool mptk_watch_init(napi_env env, napi_value exports)
{
	struct watching *all = calloc(1, sizeof(*all));

	if (!all || !set_up(env, exports, all)) {
		free(all);
		return false;
	}
	return true;
}
