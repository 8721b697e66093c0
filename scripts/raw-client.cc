// Callers over raw sockets for the benchmarks, each with a socket of its own and one request on its way. They share the
// machine with what they measure, and a client in Node takes a tenth of two cores for itself.
//
//   raw-client PORT CALLERS FILE
//
// FILE holds the requests, each behind its length as four bytes, little end first. Prints one line of JSON:
// {"seconds": from the first request to the last answer, "waitsMs": [for each answer, as they came]}.
// Ends with 1, and says why on its standard error, when an answer is not 200 or a connection ends without one.
#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string>
#include <string_view>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace {

/** More than a head and what the benchmarks are answered. */
constexpr size_t kMaxAnswer = 65'536;
constexpr std::string_view kEndOfHead = "\r\n\r\n";
constexpr std::string_view kAccepted = "HTTP/1.1 200 ";

[[noreturn]] void fail(const std::string &why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  std::exit(1);
}

double nowMs() {
  using namespace std::chrono;
  return duration<double, std::milli>(steady_clock::now().time_since_epoch()).count();
}

struct Caller {
  int fd = -1;
  bool waits = false;
  double askedAt = 0;
  size_t length = 0;
  std::vector<char> got = std::vector<char>(kMaxAnswer);
};

int connectTo(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int on = 1;
  if (fd < 0 || connect(fd, reinterpret_cast<sockaddr *>(&address), sizeof address) != 0 ||
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0)
    fail(std::string("cannot connect: ") + std::strerror(errno));
  return fd;
}

/** The socket blocks: a request is small, and whoever does not take it now is not measured before it does. */
void send(const Caller &caller, std::string_view request) {
  while (!request.empty()) {
    const ssize_t sent = ::send(caller.fd, request.data(), request.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) fail(std::string("cannot send: ") + std::strerror(errno));
    request.remove_prefix(static_cast<size_t>(sent));
  }
}

/** Of one line of a head, or an empty view. `name` in lower case and with its colon. */
std::string_view field(std::string_view head, std::string_view name) {
  for (size_t at = head.find("\r\n"); at != std::string_view::npos; at = head.find("\r\n", at + 2)) {
    const std::string_view line = head.substr(at + 2);
    if (line.size() < name.size() || strncasecmp(line.data(), name.data(), name.size()) != 0) continue;
    const std::string_view value = line.substr(name.size(), line.find("\r\n") - name.size());
    return value.substr(std::min(value.find_first_not_of(' '), value.size()));
  }
  return {};
}

enum class Answer { Unfinished, Whole, WholeAndLast };

Answer judge(const Caller &caller) {
  const std::string_view got(caller.got.data(), caller.length);
  const size_t end = got.find(kEndOfHead);
  if (end == std::string_view::npos) return Answer::Unfinished;
  const std::string_view head = got.substr(0, end);
  const std::string_view length = field(head, "content-length:");
  const size_t body = end + kEndOfHead.size();
  if (got.size() < body + std::strtoul(std::string(length).c_str(), nullptr, 10)) return Answer::Unfinished;
  if (got.substr(0, kAccepted.size()) != kAccepted)
    fail("not accepted: " + std::string(head.substr(0, 15)) + " " + std::string(got.substr(body)));
  return field(head, "connection:").substr(0, 5) == "close" ? Answer::WholeAndLast : Answer::Whole;
}

std::vector<std::string_view> split(const std::string &file) {
  std::vector<std::string_view> requests;
  for (size_t at = 0; at < file.size();) {
    uint32_t length = 0;
    if (file.size() - at < sizeof length) fail("the file of requests is cut off");
    for (size_t byte = 0; byte < sizeof length; byte += 1)
      length |= static_cast<uint32_t>(static_cast<unsigned char>(file[at + byte])) << (8 * byte);
    at += sizeof length;
    if (file.size() - at < length) fail("the file of requests is cut off");
    requests.emplace_back(file.data() + at, length);
    at += length;
  }
  return requests;
}

class Load {
public:
  Load(int port, size_t callers, std::vector<std::string_view> requests)
      : port_(port), callers_(callers), requests_(std::move(requests)), events_(callers),
        epoll_(epoll_create1(0)) {
    waits_.reserve(requests_.size());
    for (size_t index = 0; index < callers_.size(); index += 1) open(index);
  }

  void run() {
    const double began = nowMs();
    for (size_t index = 0; index < callers_.size(); index += 1) ask(index);
    while (waits_.size() < requests_.size()) {
      const int count = epoll_wait(epoll_, events_.data(), static_cast<int>(events_.size()), -1);
      if (count < 0 && errno != EINTR) fail(std::strerror(errno));
      for (int event = 0; event < count; event += 1) receive(events_[static_cast<size_t>(event)].data.u64);
    }
    std::printf("{\"seconds\":%.6f,\"waitsMs\":[", (nowMs() - began) / 1000);
    for (size_t index = 0; index < waits_.size(); index += 1)
      std::printf(index == 0 ? "%.4f" : ",%.4f", waits_[index]);
    std::printf("]}\n");
  }

private:
  void open(size_t index) {
    Caller &caller = callers_[index];
    caller.fd = connectTo(port_);
    epoll_event wanted{};
    wanted.events = EPOLLIN;
    wanted.data.u64 = index;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, caller.fd, &wanted) != 0) fail(std::strerror(errno));
  }

  void ask(size_t index) {
    if (next_ == requests_.size()) return;
    Caller &caller = callers_[index];
    if (caller.fd < 0) open(index);
    caller.length = 0;
    caller.waits = true;
    caller.askedAt = nowMs();
    send(caller, requests_[next_]);
    next_ += 1;
  }

  void receive(size_t index) {
    Caller &caller = callers_[index];
    const ssize_t size = read(caller.fd, caller.got.data() + caller.length, caller.got.size() - caller.length);
    if (size < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (size <= 0 && caller.waits) fail("the connection ended without an answer");
    if (size <= 0) return hangUp(caller);
    caller.length += static_cast<size_t>(size);
    const Answer answer = judge(caller);
    if (answer == Answer::Unfinished) return;
    caller.waits = false;
    waits_.push_back(nowMs() - caller.askedAt);
    // The listener ends a socket after so many requests, as it does to everyone.
    if (answer == Answer::WholeAndLast) hangUp(caller);
    ask(index);
  }

  static void hangUp(Caller &caller) {
    close(caller.fd);
    caller.fd = -1;
  }

  const int port_;
  std::vector<Caller> callers_;
  const std::vector<std::string_view> requests_;
  std::vector<epoll_event> events_;
  const int epoll_;
  std::vector<double> waits_;
  size_t next_ = 0;
};

} // namespace

int main(int count, char **arguments) {
  if (count != 4) fail("raw-client PORT CALLERS FILE");
  std::ifstream stream(arguments[3], std::ios::binary);
  if (!stream) fail("the file of requests cannot be read");
  const std::string file((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  Load load(std::atoi(arguments[1]), static_cast<size_t>(std::atoi(arguments[2])), split(file));
  load.run();
}
