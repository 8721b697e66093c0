// One question to the kernel over netlink and all of its answer. Moves bytes: but for what tells that an answer has ended,
// it understands none of them. Must never be used from JavaScript's thread.
#pragma once

#include <chrono>
#include <variant>
#include <vector>

#include "control_error.h"
#include "control_socket.h"

namespace wifi_direct {

// The whole answer, as the kernel's datagrams.
using NetlinkReply = std::variant<std::vector<Bytes>, ControlError>;

// `protocol` is NETLINK_ROUTE or NETLINK_GENERIC; `message` is one message with its header.
NetlinkReply AskKernel(int protocol, const Bytes& message, std::chrono::milliseconds timeout);

}  // namespace wifi_direct
