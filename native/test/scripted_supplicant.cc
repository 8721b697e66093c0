// Stands in for wpa_supplicant in tests: answers on a control socket from a table,
// since Node itself cannot open datagram sockets of this kind.
//
// Usage: scripted_supplicant SOCKET. The table comes on standard input and ends
// with an empty line: COMMAND, then each datagram to send back, separated by tabs,
// with \n for a line break. No datagram at all is silence; @long is 100000 bytes.
// Prints "ready" once it listens; ends when its standard input ends. Meanwhile each further line is an event for
// those who sent ATTACH (answered by OK unless the table says otherwise), with a tab and a number in front how often.
// Prints "attached" for each. The event @long is 100000 bytes. LEVEL 3 is answered as wpa_supplicant does: OK for the
// attached, FAIL for everybody else. The event @forget strikes all of them off without a word.
//
// With a number as second argument it is a storm: ECHO X is answered by X, and around every answer come random numbers of
// events, also to the socket that asked. Those to the attached are numbered: `<3>STORM 0`, `<3>STORM 1`, ...

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <vector>

namespace {

using Table = std::map<std::string, std::vector<std::string>>;

std::string Unescape(const std::string& text) {
  std::string result;
  for (size_t i = 0; i < text.size(); i++) {
    bool line_break = text[i] == '\\' && i + 1 < text.size() && text[i + 1] == 'n';
    result += line_break ? '\n' : text[i];
    if (line_break) i++;
  }
  return result;
}

// Byte by byte: a stream would read ahead and keep events to itself.
bool ReadLine(std::string& line) {
  line.clear();
  for (char c; read(STDIN_FILENO, &c, 1) == 1;) {
    if (c == '\n') return true;
    line += c;
  }
  return false;
}

Table ReadTable() {
  Table table;
  std::string line;
  while (ReadLine(line) && !line.empty()) {
    std::istringstream fields(line);
    std::string command, datagram;
    std::getline(fields, command, '\t');
    auto& answers = table[command];
    while (std::getline(fields, datagram, '\t')) {
      answers.push_back(datagram == "@long" ? std::string(100000, 'x') : Unescape(datagram));
    }
  }
  return table;
}

struct Client {
  sockaddr_un address{};
  socklen_t length = sizeof(address);
};

void Send(int fd, const Client& to, const std::string& datagram) {
  sendto(fd, datagram.data(), datagram.size(), 0, reinterpret_cast<const sockaddr*>(&to.address), to.length);
}

bool IsAttached(const Client& client, const std::vector<Client>& attached) {
  for (const Client& one : attached) {
    if (std::strcmp(one.address.sun_path, client.address.sun_path) == 0) return true;
  }
  return false;
}

struct Storm {
  std::mt19937 chance;
  unsigned told = 0;

  // Events look as much like replies as they may.
  void Blow(int fd, const Client& asking, const std::vector<Client>& attached) {
    for (unsigned left = chance() % 4; left > 0; left--) {
      if (chance() % 2 == 0) Send(fd, asking, "<3>" + std::string(chance() % 2 == 0 ? "OK\n" : "0\n"));
      const std::string event = "<3>STORM " + std::to_string(told++);
      for (const Client& client : attached) Send(fd, client, event);
    }
  }
};

void AnswerInStorm(int fd, Storm& storm, std::vector<Client>& attached) {
  char buffer[4097];
  Client from;
  ssize_t length =
      recvfrom(fd, buffer, sizeof(buffer), 0, reinterpret_cast<sockaddr*>(&from.address), &from.length);
  if (length < 0) return;
  const std::string command(buffer, static_cast<size_t>(length));
  if (command == "ATTACH") {
    attached.push_back(from);
    Send(fd, from, "OK\n");
    std::puts("attached");
    std::fflush(stdout);
    return;
  }
  storm.Blow(fd, from, attached);
  Send(fd, from, command.rfind("ECHO ", 0) == 0 ? command.substr(5) : "PONG\n");
  storm.Blow(fd, from, attached);
}

void Answer(int fd, const Table& table, std::vector<Client>& attached) {
  char buffer[4097];
  Client from;
  ssize_t length =
      recvfrom(fd, buffer, sizeof(buffer), 0, reinterpret_cast<sockaddr*>(&from.address), &from.length);
  if (length < 0) return;
  const std::string command(buffer, static_cast<size_t>(length));
  auto found = table.find(command);
  if (found != table.end()) {
    for (const std::string& datagram : found->second) Send(fd, from, datagram);
  } else if (command == "ATTACH") {
    attached.push_back(from);
    Send(fd, from, "OK\n");
    std::puts("attached");
    std::fflush(stdout);
  } else if (command == "LEVEL 3") {
    Send(fd, from, IsAttached(from, attached) ? "OK\n" : "FAIL\n");
  } else {
    Send(fd, from, "UNKNOWN COMMAND\n");
  }
}

// False when standard input has ended.
bool Broadcast(int fd, std::string& unread, std::vector<Client>& attached) {
  char buffer[65536];
  ssize_t length = read(STDIN_FILENO, buffer, sizeof(buffer));
  if (length <= 0) return false;
  unread.append(buffer, static_cast<size_t>(length));
  for (size_t end = unread.find('\n'); end != std::string::npos; end = unread.find('\n')) {
    const std::string line = unread.substr(0, end);
    unread.erase(0, end + 1);
    const size_t tab = line.find('\t');
    const int times = tab == std::string::npos ? 1 : std::stoi(line.substr(0, tab));
    const std::string event = Unescape(tab == std::string::npos ? line : line.substr(tab + 1));
    if (event == "@forget") attached.clear();
    const std::string datagram = event == "@long" ? "<3>" + std::string(100000, 'x') : event;
    for (int i = 0; i < times; i++) {
      for (const Client& client : attached) Send(fd, client, datagram);
    }
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (argc < 2 || argc > 3 || std::strlen(argv[1]) >= sizeof(address.sun_path)) return 2;
  std::strcpy(address.sun_path, argv[1]);
  const Table table = ReadTable();
  int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
  if (fd < 0 || bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) return 1;
  std::puts("ready");
  std::fflush(stdout);
  std::vector<Client> attached;
  std::string unread;
  Storm storm{std::mt19937(argc == 3 ? std::stoul(argv[2]) : 0)};
  for (;;) {
    pollfd waiting[] = {{fd, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
    if (poll(waiting, 2, -1) < 0) continue;
    if (waiting[0].revents & POLLIN) {
      if (argc == 3) {
        AnswerInStorm(fd, storm, attached);
      } else {
        Answer(fd, table, attached);
      }
    }
    if (waiting[1].revents && !Broadcast(fd, unread, attached)) break;
  }
  unlink(argv[1]);
  return 0;
}
