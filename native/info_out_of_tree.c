/*
 * What the out-of-tree kernel says about one MPTCP connection: SOL_TCP option 45, layouts of
 * include/uapi/linux/tcp.h and behaviour of mptcp_get_info() in net/mptcp/mptcp_ctrl.c of
 * multipath-tcp.org v0.95. Only for a kernel detected as out-of-tree: upstream the number is
 * TCP_RTO_MIN_US.
 */
#include "info.h"

#include <errno.h>
#include <stdlib.h>

#define OOT_INFO 45
/* struct mptcp_meta_info is 48 bytes, struct tcp_info of Linux 4.19 under 256, struct mptcp_sub_info 56. */
#define META_ROOM 256
#define TCP_INFO_ROOM 1024
#define SUB_INFO_SIZE 56
/* That kernel keeps the subflows of a connection as bits of one 32-bit word. */
#define SUBFLOWS_MOST 32

/* struct mptcp_info there: lengths of what the pointers point to, in and out. */
struct pointers {
	uint32_t tcp_info_len;
	uint32_t sub_len;
	uint32_t meta_len;
	uint32_t sub_info_len;
	uint32_t total_sub_info_len;
	void *meta_info;
	void *initial;
	void *subflows;
	void *subflow_info;
};

/* What is handed out, with the memory that was pointed to. */
struct rooms {
	struct mptk_testimony testimony;
	struct pointers said;
	uint8_t meta[META_ROOM];
	uint8_t initial[TCP_INFO_ROOM];
	uint8_t subflows[SUBFLOWS_MOST * TCP_INFO_ROOM];
	uint8_t subflow_info[SUBFLOWS_MOST * SUB_INFO_SIZE];
};

/* 0, or the errno. Without initial, nothing is asked about the initial subflow. */
static int ask(int fd, struct rooms *rooms, bool initial)
{
	struct pointers *out = &rooms->said;
	socklen_t length = sizeof(*out);

	*out = (struct pointers){
		.tcp_info_len = TCP_INFO_ROOM,
		.sub_len = sizeof(rooms->subflows),
		.meta_len = sizeof(rooms->meta),
		.sub_info_len = SUB_INFO_SIZE,
		.total_sub_info_len = sizeof(rooms->subflow_info),
		.meta_info = rooms->meta,
		.initial = initial ? rooms->initial : NULL,
		.subflows = rooms->subflows,
		.subflow_info = rooms->subflow_info,
	};
	if (getsockopt(fd, IPPROTO_TCP, OOT_INFO, out, &length) < 0)
		return errno;
	/* Upstream answered TCP_RTO_MIN_US, one integer. */
	return length == sizeof(*out) ? 0 : ENOPROTOOPT;
}

static size_t at_most(size_t value, size_t most)
{
	return value < most ? value : most;
}

/* An array of the total bytes the kernel wrote, cut into the structs it consists of. */
static bool set_array(napi_env env, napi_value object, const char *name, const uint8_t *data, size_t each,
                      size_t total)
{
	return mptk_set_buffers(env, object, name, data, each, each ? total / each : 0);
}

static bool set_all(napi_env env, napi_value object, const struct rooms *rooms)
{
	const struct pointers *said = &rooms->said;
	size_t tcp_info = at_most(said->tcp_info_len, TCP_INFO_ROOM);

	return mptk_set_buffer(env, object, "meta", rooms->meta, at_most(said->meta_len, META_ROOM)) &&
	       mptk_set_buffer(env, object, "initial", rooms->initial, said->initial ? tcp_info : 0) &&
	       set_array(env, object, "subflows", rooms->subflows, tcp_info,
	                 at_most(said->sub_len, sizeof(rooms->subflows))) &&
	       set_array(env, object, "subflowInfo", rooms->subflow_info,
	                 at_most(said->sub_info_len, SUB_INFO_SIZE),
	                 at_most(said->total_sub_info_len, sizeof(rooms->subflow_info)));
}

static napi_value to_object(napi_env env, const struct mptk_testimony *self)
{
	napi_value object;

	MPTK_NAPI(env, napi_create_object(env, &object));
	return set_all(env, object, (const struct rooms *)self) ? object : NULL;
}

int mptk_out_of_tree_info_read(int fd, struct mptk_testimony **out)
{
	struct rooms *rooms = calloc(1, sizeof(*rooms));
	int err;

	if (!rooms)
		return ENOMEM;
	rooms->testimony.object = to_object;
	err = ask(fd, rooms, true);
	/* The initial subflow is gone and SAVE_MASTER was not set: the rest can still be had. */
	if (err == EINVAL || err == ENOMEM)
		err = ask(fd, rooms, false);
	if (err != 0) {
		free(rooms);
		return err;
	}
	*out = &rooms->testimony;
	return 0;
}

napi_value mptk_out_of_tree_info(napi_env env, napi_callback_info info)
{
	struct mptk_testimony *said;
	napi_value arg, object;
	int fd, err;

	if (!mptk_get_arguments(env, info, 1, &arg) || !mptk_get_int(env, arg, "fd", &fd))
		return NULL;
	err = mptk_out_of_tree_info_read(fd, &said);
	if (err != 0)
		return mptk_throw_errno_about(env, err, "getsockopt", "MPTCP_INFO (out-of-tree)", NULL);
	object = said->object(env, said);
	free(said);
	return object;
}
