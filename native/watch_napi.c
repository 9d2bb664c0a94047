/* watch(fd, callback) and the class of what it returns. */
#include "watch.h"

#include <errno.h>
#include <stdlib.h>

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
	napi_valuetype type;
	bool wanted;

	MPTK_NAPI(env, napi_get_named_property(env, events, key, &value));
	MPTK_NAPI(env, napi_typeof(env, value, &type));
	/* Only these need not be said. */
	if (type == napi_undefined && (event == UV_DISCONNECT || event == UV_PRIORITIZED))
		return true;
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
	    !get_event(env, arg, "writable", "events.writable", UV_WRITABLE, &events) ||
	    !get_event(env, arg, "ended", "events.ended", UV_DISCONNECT, &events) ||
	    /* The kernel tells errors and hang-ups to whoever asks for anything: here, for urgent bytes. */
	    !get_event(env, arg, "failed", "events.failed", UV_PRIORITIZED, &events))
		return NULL;
	err = mptk_watcher_start(w, events);
	if (err != 0)
		return mptk_throw_errno(env, -err, "watch", NULL);
	return mptk_undefined(env);
}

static napi_value js_stop(napi_env env, napi_callback_info info)
{
	napi_value this;
	struct watcher *w = get_open(env, info, 0, NULL, &this);

	/* Stopping cannot fail (uv_poll_start with no events). */
	if (w)
		(void)mptk_watcher_start(w, 0);
	return mptk_undefined(env);
}

static napi_value js_close(napi_env env, napi_callback_info info)
{
	napi_value this;
	struct watcher *w = get_open(env, info, 0, NULL, &this);

	if (w) {
		MPTK_NAPI(env, napi_remove_wrap(env, this, NULL));
		mptk_watcher_close(w);
	}
	return mptk_undefined(env);
}

/* Ties the object and the handle together; mptk_watcher_close undoes what was done when this fails. */
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
	w = mptk_watcher_open(all, fd);
	if (!w)
		return NULL;
	if (!tie(env, w, object, arg[1])) {
		mptk_watcher_close(w);
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
	MPTK_NAPI(env, napi_add_async_cleanup_hook(env, mptk_watching_end, all, &all->teardown));
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
