#include "control_socket.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <string_view>

namespace wifi_direct {
namespace {

using Clock = std::chrono::steady_clock;

// Unsolicited messages carry a priority such as "<3>" in front; a reply never does.
bool IsEvent(const Bytes& bytes) { return !bytes.empty() && bytes.front() == '<'; }

std::optional<sockaddr_un> AddressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) return std::nullopt;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

const sockaddr* Generic(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

// Two sockets of one process must not share a name, in whichever thread or environment they are.
std::string NextClientPath(const std::string& folder) {
  static std::atomic<unsigned> counter{0};
  return folder + "/wifi-direct-" + std::to_string(::getpid()) + "-" + std::to_string(counter++);
}

std::variant<std::string, ControlError> BindClient(int fd, const std::string& folder) {
  // A process that was killed leaves its file behind, and its number is given again some day.
  for (int attempt = 0; attempt < 64; attempt++) {
    std::string path = NextClientPath(folder);
    auto address = AddressOf(path);
    if (!address) return ControlError{"path_too_long", "the folder for the client socket has too long a path"};
    if (::bind(fd, Generic(*address), sizeof(*address)) == 0) return path;
    if (errno != EADDRINUSE) {
      int code = errno;
      return ControlError{"client_socket_failed", "cannot create a socket in " + folder + ": " + std::strerror(code),
                          code};
    }
  }
  return ControlError{"client_socket_failed", "too many abandoned sockets in " + folder, EADDRINUSE};
}

// Milliseconds until the deadline, rounded up, so that waiting never turns into spinning.
int RemainingMs(Clock::time_point deadline) {
  auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return left < 0 ? 0 : static_cast<int>(left);
}

// True when the socket is ready; false at the deadline.
std::variant<bool, ControlError> WaitFor(int fd, short events, Clock::time_point deadline) {
  for (;;) {
    pollfd waiting{fd, events, 0};
    int ready = ::poll(&waiting, 1, RemainingMs(deadline));
    if (ready > 0) return true;
    if (ready == 0) return false;
    if (errno != EINTR) return ErrorFromErrno("waiting for the supplicant", errno);
  }
}

ControlError TimedOut() { return {"timed_out", "the supplicant did not answer in time", ETIMEDOUT}; }

}  // namespace

ControlError ErrorFromErrno(const char* action, int system_errno) {
  std::string message = std::string(action) + ": " + std::strerror(system_errno);
  switch (system_errno) {
    case ENOENT:
    case ENOTDIR:
      return {"no_socket", message, system_errno};
    case ECONNREFUSED:
    case ECONNRESET:
    case ENOTCONN:
      return {"connection_refused", message, system_errno};
    case EACCES:
    case EPERM:
      return {"permission_denied", message, system_errno};
    default:
      return {"system_error", message, system_errno};
  }
}

bool HasHostileBytes(const std::string& text) {
  return text.find_first_of(std::string_view("\0\n\r", 3)) != std::string::npos;
}

std::variant<ControlSocket, ControlError> ControlSocket::Open(const std::string& socket_path,
                                                              const std::string& client_folder) {
  if (HasHostileBytes(socket_path) || HasHostileBytes(client_folder)) {
    return ControlError{"hostile_input", "a path must not contain NUL or a line break"};
  }
  auto address = AddressOf(socket_path);
  if (!address) return ControlError{"path_too_long", "the control socket's path is empty or too long"};
  UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return ErrorFromErrno("creating a socket", errno);
  auto bound = BindClient(fd.get(), client_folder);
  if (auto* error = std::get_if<ControlError>(&bound)) return *error;
  // From here on the object owns the file as well, and removes it when connecting fails.
  ControlSocket client(std::move(fd), std::get<std::string>(std::move(bound)));
  if (::connect(client.fd_.get(), Generic(*address), sizeof(*address)) != 0) {
    return ErrorFromErrno("connecting to the supplicant", errno);
  }
  return std::variant<ControlSocket, ControlError>(std::in_place_index<0>, std::move(client));
}

ControlSocket::ControlSocket(UniqueFd fd, std::string client_path)
    : fd_(std::move(fd)), client_path_(std::move(client_path)) {}

ControlSocket::ControlSocket(ControlSocket&& other) noexcept
    : fd_(std::move(other.fd_)), client_path_(std::exchange(other.client_path_, {})) {}

ControlSocket::~ControlSocket() {
  if (!client_path_.empty()) ::unlink(client_path_.c_str());
}

std::optional<ControlError> ControlSocket::TrySend(const std::string& command) {
  if (command.empty() || command.size() > kMaxCommandBytes || HasHostileBytes(command)) {
    return ControlError{"hostile_input", "a command must be one line of 1 to 4096 bytes without NUL"};
  }
  while (::send(fd_.get(), command.data(), command.size(), MSG_NOSIGNAL) < 0) {
    if (errno != EINTR) return ErrorFromErrno("asking the supplicant", errno);
  }
  return std::nullopt;
}

std::variant<std::optional<Bytes>, ControlError> ControlSocket::TryReceive() {
  Bytes bytes(kMaxReplyBytes);
  for (;;) {
    // With MSG_TRUNC the real length is returned, so that a cut reply is not taken for a whole one.
    const ssize_t length = ::recv(fd_.get(), bytes.data(), bytes.size(), MSG_TRUNC);
    if (length < 0 && errno == EINTR) continue;
    if (length < 0 && errno == EAGAIN) return std::optional<Bytes>();
    if (length < 0) return ErrorFromErrno("reading from the supplicant", errno);
    if (static_cast<size_t>(length) > bytes.size()) {
      return ControlError{"reply_too_long", "the reply is longer than 64 KiB"};
    }
    return std::optional<Bytes>(std::in_place, bytes.begin(), bytes.begin() + length);
  }
}

Reply ControlSocket::Request(const std::string& command, std::chrono::milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  // A supplicant that hangs lets its queue fill up: sending waits, too, and not for ever.
  for (;;) {
    auto failed = TrySend(command);
    if (!failed) break;
    if (failed->system_errno != EAGAIN && failed->system_errno != ENOBUFS) return *failed;
    auto writable = WaitFor(fd_.get(), POLLOUT, deadline);
    if (auto* error = std::get_if<ControlError>(&writable)) return *error;
    if (!std::get<bool>(writable)) return TimedOut();
  }
  for (;;) {
    auto readable = WaitFor(fd_.get(), POLLIN, deadline);
    if (auto* error = std::get_if<ControlError>(&readable)) return *error;
    if (!std::get<bool>(readable)) return TimedOut();
    auto received = TryReceive();
    if (auto* error = std::get_if<ControlError>(&received)) return *error;
    auto& bytes = std::get<std::optional<Bytes>>(received);
    if (bytes && !IsEvent(*bytes)) return std::move(*bytes);
  }
}

Reply AskSupplicant(const ControlRequest& request) {
  auto opened = ControlSocket::Open(request.socket_path, request.client_folder);
  if (auto* error = std::get_if<ControlError>(&opened)) return std::move(*error);
  return std::get<ControlSocket>(opened).Request(request.command, request.timeout);
}

}  // namespace wifi_direct
