// What can go wrong between this process and the supplicant. The names are part
// of the package's contract: TypeScript branches on them, never on a message.
#pragma once

#include <string>

namespace wifi_direct {

struct ControlError {
  // One of: hostile_input, path_too_long, client_socket_failed, no_socket,
  // connection_refused, permission_denied, timed_out, reply_too_long, attach_refused, system_error.
  const char* code;
  std::string message;
  int system_errno = 0;
};

// Names the system's error for an attempt to reach the supplicant's socket.
ControlError ErrorFromErrno(const char* action, int system_errno);

}  // namespace wifi_direct
