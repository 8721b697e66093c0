// Plugs a software radio in and out, in the network namespace that it is run in:
//
//   hwsim_radio add NAME     hwsim_radio remove NAME
//
// Speaks generic netlink to mac80211_hwsim. Exits with 0 when the kernel did it, else says why.

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

// Of the kernel's mac80211_hwsim.h, which is in no header package.
constexpr uint8_t kNewRadio = 4;
constexpr uint8_t kDelRadio = 5;
constexpr uint16_t kSupportP2pDevice = 14;
constexpr uint16_t kRadioName = 17;

class Message {
 public:
  Message(uint16_t type, uint8_t command) {
    nlmsghdr header{};
    header.nlmsg_type = type;
    header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    Append(&header, sizeof(header));
    genlmsghdr generic{};
    generic.cmd = command;
    generic.version = 1;
    Append(&generic, sizeof(generic));
  }

  void Attribute(uint16_t type, const void* data, size_t length) {
    nlattr attribute{};
    attribute.nla_type = type;
    attribute.nla_len = static_cast<uint16_t>(sizeof(attribute) + length);
    Append(&attribute, sizeof(attribute));
    Append(data, length);
  }

  const std::vector<uint8_t>& Finish() {
    const auto length = static_cast<uint32_t>(bytes_.size());
    std::memcpy(bytes_.data(), &length, sizeof(length));
    return bytes_;
  }

 private:
  void Append(const void* data, size_t length) {
    const auto* begin = static_cast<const uint8_t*>(data);
    if (length > 0) bytes_.insert(bytes_.end(), begin, begin + length);
    bytes_.resize((bytes_.size() + 3) & ~size_t{3});
  }

  std::vector<uint8_t> bytes_;
};

class Netlink {
 public:
  Netlink() : socket_(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC)) {
    if (socket_ < 0) Fail("no netlink socket");
  }
  ~Netlink() { ::close(socket_); }
  Netlink(const Netlink&) = delete;
  Netlink& operator=(const Netlink&) = delete;

  // Returns the bytes of the answer before the acknowledgement; throws what the kernel refused with.
  std::vector<uint8_t> Ask(Message message) {
    const auto& bytes = message.Finish();
    if (::send(socket_, bytes.data(), bytes.size(), 0) < 0) Fail("not sent");
    std::vector<uint8_t> answer;
    for (;;) {
      alignas(nlmsghdr) uint8_t buffer[8192];
      const ssize_t received = ::recv(socket_, buffer, sizeof(buffer), 0);
      if (received < 0) Fail("no answer");
      auto left = static_cast<unsigned int>(received);
      for (auto* header = reinterpret_cast<nlmsghdr*>(buffer); NLMSG_OK(header, left);
           header = NLMSG_NEXT(header, left)) {
        if (header->nlmsg_type != NLMSG_ERROR) {
          const auto* data = static_cast<const uint8_t*>(NLMSG_DATA(header));
          answer.assign(data, data + NLMSG_PAYLOAD(header, 0));
          continue;
        }
        // A new radio's number comes as a positive "error".
        const int error = static_cast<const nlmsgerr*>(NLMSG_DATA(header))->error;
        if (error >= 0) return answer;
        errno = -error;
        Fail("refused");
      }
    }
  }

 private:
  [[noreturn]] static void Fail(const char* what) {
    throw std::runtime_error(std::string(what) + ": " + std::strerror(errno));
  }

  int socket_;
};

uint16_t FamilyOf(Netlink& netlink, const std::string& name) {
  Message question(GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
  question.Attribute(CTRL_ATTR_FAMILY_NAME, name.c_str(), name.size() + 1);
  const std::vector<uint8_t> answer = netlink.Ask(question);
  for (size_t at = sizeof(genlmsghdr); at + sizeof(nlattr) <= answer.size();) {
    nlattr attribute{};
    std::memcpy(&attribute, answer.data() + at, sizeof(attribute));
    if (attribute.nla_len < sizeof(attribute)) break;
    if (attribute.nla_type == CTRL_ATTR_FAMILY_ID) {
      uint16_t id = 0;
      std::memcpy(&id, answer.data() + at + sizeof(attribute), sizeof(id));
      return id;
    }
    at += (attribute.nla_len + 3u) & ~3u;
  }
  throw std::runtime_error("the kernel has no " + name);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string verb = argc == 3 ? argv[1] : "";
  if (verb != "add" && verb != "remove") {
    std::fputs("usage: hwsim_radio add|remove NAME\n", stderr);
    return 2;
  }
  try {
    Netlink netlink;
    Message message(FamilyOf(netlink, "MAC80211_HWSIM"), verb == "add" ? kNewRadio : kDelRadio);
    message.Attribute(kRadioName, argv[2], std::strlen(argv[2]) + (verb == "add" ? 0 : 1));
    if (verb == "add") message.Attribute(kSupportP2pDevice, nullptr, 0);
    netlink.Ask(message);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "hwsim_radio: %s\n", error.what());
    return 1;
  }
}
