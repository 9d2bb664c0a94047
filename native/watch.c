/*
 * The libuv side of a Watcher: readiness of one descriptor on Node's event loop.
 *
 * Life: open -> closed; once closed, always closed. An open Watcher is kept alive from here
 * (its owner may drop it and still be called back). Closing cuts the JavaScript object off
 * at once; the C part is freed when libuv has let go of the handle.
 */
#include "watch.h"

#include <stdlib.h>

struct watcher *mptk_watcher_open(struct watching *all, int fd)
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

void mptk_watcher_close(struct watcher *w)
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
void mptk_watching_end(napi_async_cleanup_hook_handle handle, void *data)
{
	struct watching *all = data;

	(void)handle;
	all->ending = true;
	while (all->first)
		mptk_watcher_close(all->first);
	(void)napi_delete_reference(all->env, all->constructor);
	(void)napi_async_destroy(all->env, all->context);
	if (all->handles == 0)
		free_watching(all);
}

static void call_back(struct watcher *w, int status, int events)
{
	napi_env env = w->all->env;
	napi_value object, callback, argument[4], error;
	napi_status called;
	/* An error or a hang-up is all of it, so that the next call shows it. */
	int all = status < 0 ? ~0 : 0, ready = events | all;

	if (napi_get_reference_value(env, w->object, &object) != napi_ok ||
	    napi_get_reference_value(env, w->callback, &callback) != napi_ok ||
	    napi_get_boolean(env, ready & UV_READABLE, &argument[0]) != napi_ok ||
	    napi_get_boolean(env, ready & UV_WRITABLE, &argument[1]) != napi_ok ||
	    napi_get_boolean(env, ready & UV_DISCONNECT, &argument[2]) != napi_ok ||
	    napi_get_boolean(env, ready & UV_PRIORITIZED, &argument[3]) != napi_ok)
		return;
	/* The callback may close the watcher: w is not touched after this. */
	called = napi_make_callback(env, w->all->context, object, callback, 4, argument, NULL);
	if (called == napi_pending_exception && napi_get_and_clear_last_exception(env, &error) == napi_ok)
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
	call_back(w, status, events);
	(void)napi_close_handle_scope(env, scope);
}

int mptk_watcher_start(struct watcher *w, int events)
{
	int err = 0;

	/* The same again would cost libuv two system calls. */
	if (events != w->events)
		err = uv_poll_start(&w->poll, events, on_poll);
	if (err == 0)
		w->events = events;
	return err;
}
