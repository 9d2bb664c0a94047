#include "turn.h"

#include <errno.h>
#include <stdlib.h>
#include <uv.h>

#include "common.h"

struct turn {
	/* Runs right before the loop waits, after everything that can mark a turn. */
	uv_prepare_t handle;
	napi_async_cleanup_hook_handle teardown;
	void (*flush)(void *);
	void *data;
};

static void on_closed(uv_handle_t *handle)
{
	struct turn *turn = handle->data;

	(void)napi_remove_async_cleanup_hook(turn->teardown);
	free(turn);
}

/* The environment waits for on_closed, as libuv insists that handles are closed before their loop is. */
static void on_teardown(napi_async_cleanup_hook_handle handle, void *data)
{
	struct turn *turn = data;

	(void)handle;
	mptk_turn_close(turn);
}

static void on_prepare(uv_prepare_t *handle)
{
	struct turn *turn = handle->data;

	(void)uv_prepare_stop(handle);
	turn->flush(turn->data);
}

static bool set_up(napi_env env, struct turn *turn)
{
	uv_loop_t *loop;

	MPTK_NAPI(env, napi_get_uv_event_loop(env, &loop));
	MPTK_NAPI(env, napi_add_async_cleanup_hook(env, on_teardown, turn, &turn->teardown));
	/* Cannot fail (uv_prepare_init). */
	(void)uv_prepare_init(loop, &turn->handle);
	turn->handle.data = turn;
	uv_unref((uv_handle_t *)&turn->handle);
	return true;
}

struct turn *mptk_turn_open(napi_env env, void (*flush)(void *), void *data)
{
	struct turn *turn = calloc(1, sizeof *turn);

	if (turn == NULL) {
		(void)mptk_throw_errno(env, ENOMEM, "watch", NULL);
		return NULL;
	}
	turn->flush = flush;
	turn->data = data;
	if (!set_up(env, turn)) {
		free(turn);
		return NULL;
	}
	return turn;
}

void mptk_turn_mark(struct turn *turn)
{
	/* Does nothing when it is marked. */
	(void)uv_prepare_start(&turn->handle, on_prepare);
}

void mptk_turn_close(struct turn *turn)
{
	uv_close((uv_handle_t *)&turn->handle, on_closed);
}
