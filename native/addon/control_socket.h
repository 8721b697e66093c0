// One client of a wpa_supplicant control socket: a datagram socket with a name of
// its own, which the supplicant answers to. Moves bytes and understands none of
// them; must be used by one thread at a time and never from JavaScript's.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "control_error.h"
#include "unique_fd.h"

namespace wifi_direct {

using Bytes = std::vector<char>;
using Reply = std::variant<Bytes, ControlError>;

class ControlSocket {
 public:
  // The longest command and reply that wpa_supplicant itself has buffers for is 4 KiB; a scan result
  // can be larger on patched builds, and a bound is what keeps a hostile peer from choosing our memory.
  static constexpr size_t kMaxCommandBytes = 4096;
  static constexpr size_t kMaxReplyBytes = 64 * 1024;

  // `client_folder` is where this end's socket file lives; the supplicant must be able to reach it.
  static std::variant<ControlSocket, ControlError> Open(const std::string& socket_path,
                                                        const std::string& client_folder);

  ControlSocket(ControlSocket&& other) noexcept;
  ControlSocket(const ControlSocket&) = delete;
  ControlSocket& operator=(const ControlSocket&) = delete;
  ControlSocket& operator=(ControlSocket&&) = delete;
  ~ControlSocket();

  // Sends one command and waits for its reply, at most for `timeout` in all.
  Reply Request(const std::string& command, std::chrono::milliseconds timeout);

  // The two halves of a request, neither of which waits: a queue that is full is an error, and nothing to read is
  // no bytes. For a caller that waits on fd() itself.
  std::optional<ControlError> TrySend(const std::string& command);
  std::variant<std::optional<Bytes>, ControlError> TryReceive();

  int fd() const { return fd_.get(); }

 private:
  ControlSocket(UniqueFd fd, std::string client_path);

  UniqueFd fd_;
  std::string client_path_;
};

struct ControlRequest {
  std::string socket_path;
  std::string client_folder;
  std::string command;
  std::chrono::milliseconds timeout;
};

// One command and its reply, on a socket of their own.
Reply AskSupplicant(const ControlRequest& request);

// Refuses what could end a line or a string early on the other side.
bool HasHostileBytes(const std::string& text);

}  // namespace wifi_direct
