/* The N-API table, nothing else. */
#include "common.h"

NAPI_MODULE_INIT()
{
	bool ok = mptk_socket_init(env, exports) && mptk_options_init(env, exports) &&
	          mptk_info_init(env, exports) && mptk_netlink_init(env, exports) &&
	          mptk_netlink_events_init(env, exports) && mptk_watch_init(env, exports) &&
	          mptk_relay_init(env, exports) && mptk_dial_init(env, exports) &&
	          mptk_exec_init(env, exports);
	return ok ? exports : NULL;
}
