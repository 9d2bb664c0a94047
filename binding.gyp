{
  "targets": [
    {
      "target_name": "mptk",
      "sources": [
        "native/addon.c",
        "native/errors.c",
        "native/address.c",
        "native/open.c",
        "native/accept.c",
        "native/socket.c",
        "native/options.c",
        "native/info.c",
        "native/info_full.c",
        "native/info_separate.c",
        "native/info_out_of_tree.c",
        "native/netlink.c",
        "native/netlink_events.c",
        "native/watch.c",
        "native/watch_napi.c",
        "native/turn.c",
        "native/dial.c",
        "native/dial_thread.c",
        "native/dial_napi.c",
        "native/exec.c",
        "native/relay.c",
        "native/relay_thread.c",
        "native/relay_pipe.c",
        "native/relay_backlog.c",
        "native/relay_timers.c",
        "native/relay_pump.c",
        "native/relay_copy.c",
        "native/relay_splice.c",
        "native/chunked.c",
        "native/relay_part.c",
        "native/relay_exchange.c",
        "native/relay_part_napi.c",
        "native/relay_options.c",
        "native/relay_handle.c",
        "native/relay_napi.c"
      ],
      "defines": ["NAPI_VERSION=8", "_GNU_SOURCE"],
      "cflags_c": [
        "-std=gnu11",
        "-O2",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-fvisibility=hidden",
        "-fstack-protector-strong",
        "-fstack-clash-protection",
        "-U_FORTIFY_SOURCE",
        "-D_FORTIFY_SOURCE=2"
      ],
      "ldflags": ["-pthread", "-Wl,-z,relro", "-Wl,-z,now", "-Wl,-z,noexecstack"]
    }
  ]
}
