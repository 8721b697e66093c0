#include "netlink_socket.h"

#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "unique_fd.h"

namespace wifi_direct {
namespace {

using Clock = std::chrono::steady_clock;

// A bound on what a machine with very many interfaces can make us hold.
constexpr size_t kMaxAnswerBytes = 8 * 1024 * 1024;
// The kernel fills at most 32 KiB for one datagram of a dump.
constexpr size_t kDatagramBytes = 64 * 1024;

bool IsOneMessage(const Bytes& message) {
  nlmsghdr header{};
  if (message.size() < sizeof(header) || message.size() > kDatagramBytes) return false;
  std::memcpy(&header, message.data(), sizeof(header));
  return header.nlmsg_len == message.size();
}

// An answer ends with DONE, with an error (which is how a plain acknowledgement looks, too), or with its only message.
bool IsLast(const Bytes& datagram) {
  for (size_t at = 0; at + sizeof(nlmsghdr) <= datagram.size();) {
    nlmsghdr header{};
    std::memcpy(&header, datagram.data() + at, sizeof(header));
    if (header.nlmsg_type == NLMSG_DONE || header.nlmsg_type == NLMSG_ERROR) return true;
    if ((header.nlmsg_flags & NLM_F_MULTI) == 0) return true;
    if (header.nlmsg_len < sizeof(header)) return true;
    at += NLMSG_ALIGN(header.nlmsg_len);
  }
  return false;
}

}  // namespace

NetlinkReply AskKernel(int protocol, const Bytes& message, std::chrono::milliseconds timeout) {
  if (!IsOneMessage(message)) return ControlError{"hostile_input", "one whole netlink message is expected"};
  const auto deadline = Clock::now() + timeout;
  UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol));
  if (!fd.valid()) return ErrorFromErrno("opening a netlink socket", errno);
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  if (::sendto(fd.get(), message.data(), message.size(), 0, reinterpret_cast<const sockaddr*>(&kernel),
               sizeof(kernel)) < 0) {
    return ErrorFromErrno("asking the kernel", errno);
  }
  std::vector<Bytes> answer;
  size_t total = 0;
  Bytes buffer(kDatagramBytes);
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return ControlError{"timed_out", "the kernel did not answer in time", ETIMEDOUT};
    pollfd waiting{fd.get(), POLLIN, 0};
    if (::poll(&waiting, 1, static_cast<int>(left)) < 0 && errno != EINTR) {
      return ErrorFromErrno("waiting for the kernel", errno);
    }
    sockaddr_nl from{};
    socklen_t from_length = sizeof(from);
    const ssize_t length = ::recvfrom(fd.get(), buffer.data(), buffer.size(), MSG_TRUNC,
                                      reinterpret_cast<sockaddr*>(&from), &from_length);
    if (length < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (length < 0) return ErrorFromErrno("reading from the kernel", errno);
    // Any process may send to a netlink socket; only the kernel is number 0.
    if (from.nl_pid != 0) continue;
    total += static_cast<size_t>(length);
    if (static_cast<size_t>(length) > buffer.size() || total > kMaxAnswerBytes) {
      return ControlError{"reply_too_long", "the kernel's answer is too long"};
    }
    answer.emplace_back(buffer.begin(), buffer.begin() + length);
    if (IsLast(answer.back())) return answer;
  }
}

}  // namespace wifi_direct
