/* What the files that give the relay engine to JavaScript share. */
#ifndef MPTK_RELAY_NAPI_H
#define MPTK_RELAY_NAPI_H

#include "common.h"
#include "relay.h"

/* relay_options.c: reads NativeRelayOptions; false with an exception pending. Bytes stay the buffers' memory. */
bool mptk_relay_options(napi_env env, napi_value object, struct relay_options *options);

/* relay_part_napi.c: reads NativeRelayPart, or a property that may be missing and then leaves *out as it is. The same holds. */
bool mptk_relay_part(napi_env env, napi_value object, struct relay_part *part);
bool mptk_relay_flag(napi_env env, napi_value object, const char *name, bool *out);

/* relay_part_napi.c: answer(part, how) of NativeRelay, for this relay. */
napi_value mptk_relay_answer(napi_env env, struct relay *relay, napi_value object, napi_value how);

/* relay_handle.c: defines the class of what relay() returns and keeps a reference to it in *class. */
bool mptk_relay_handle_define(napi_env env, napi_ref *class);

/* An object without a relay yet; NULL with an exception pending. */
napi_value mptk_relay_handle_new(napi_env env, napi_ref class);

/* Gives the object its relay; the caller's reference to it becomes the object's. */
void mptk_relay_handle_set(napi_env env, napi_value handle, struct relay *relay);

#endif
