/* The object that relay() returns: bytes() and abort() of one relay. */
#ifndef MPTK_RELAY_HANDLE_H
#define MPTK_RELAY_HANDLE_H

#include "common.h"
#include "relay.h"

/* Defines the class and keeps a reference to it in *class. */
bool mptk_relay_handle_define(napi_env env, napi_ref *class);

/* An object without a relay yet; NULL with an exception pending. */
napi_value mptk_relay_handle_new(napi_env env, napi_ref class);

/* Gives the object its relay; the caller's reference to it becomes the object's. */
void mptk_relay_handle_set(napi_env env, napi_value handle, struct relay *relay);

#endif
