/* Between watch.c (the libuv side of a Watcher) and watch_napi.c (its JavaScript side). */
#ifndef MPTK_WATCH_H
#define MPTK_WATCH_H

#include "common.h"

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

/* An open watcher of fd that is not started; NULL with an exception pending. */
struct watcher *mptk_watcher_open(struct watching *all, int fd);
/* UV_READABLE, UV_WRITABLE, UV_DISCONNECT and UV_PRIORITIZED, or 0 for nothing; 0 or a libuv error. */
int mptk_watcher_start(struct watcher *w, int events);
/* Lets go of the object, the callback and the handle; w is gone for the caller. */
void mptk_watcher_close(struct watcher *w);
/* The cleanup hook of the environment; data is the struct watching. */
void mptk_watching_end(napi_async_cleanup_hook_handle handle, void *data);

#endif
