{
  "targets": [
    {
      "target_name": "wifi_direct",
      "conditions": [
        [
          "OS=='linux'",
          {
            "sources": [
              "addon/addon.cc",
              "addon/control_socket.cc",
              "addon/event_listener.cc",
              "addon/event_stream.cc",
              "addon/netlink_socket.cc"
            ],
            "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
            "defines": ["NAPI_VERSION=9", "NAPI_CPP_EXCEPTIONS", "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"],
            "cflags!": ["-fno-exceptions"],
            "cflags_cc!": ["-fno-exceptions", "-std=gnu++17", "-std=gnu++20"],
            "cflags_cc": ["-std=c++17", "-fvisibility=hidden", "-Wall", "-Wextra"]
          },
          { "type": "none" }
        ]
      ]
    }
  ]
}
