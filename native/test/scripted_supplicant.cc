// Stands in for wpa_supplicant in tests: answers on a control socket from a table,
// since Node itself cannot open datagram sockets of this kind.
//
// Usage: scripted_supplicant SOCKET. The table comes on standard input and ends
// with an empty line: COMMAND, then each datagram to send back, separated by tabs,
// with \n for a line break. No datagram at all is silence; @long is 100000 bytes.
// Prints "ready" once it listens; ends when its standard input ends.

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <iostream>
#include <map>
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

Table ReadTable() {
  Table table;
  std::string line;
  while (std::getline(std::cin, line) && !line.empty()) {
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

void Answer(int fd, const Table& table) {
  char command[4097];
  sockaddr_un from{};
  socklen_t from_length = sizeof(from);
  ssize_t length = recvfrom(fd, command, sizeof(command), 0, reinterpret_cast<sockaddr*>(&from), &from_length);
  if (length < 0) return;
  auto found = table.find(std::string(command, static_cast<size_t>(length)));
  static const std::vector<std::string> unknown{"UNKNOWN COMMAND\n"};
  for (const std::string& datagram : found == table.end() ? unknown : found->second) {
    sendto(fd, datagram.data(), datagram.size(), 0, reinterpret_cast<sockaddr*>(&from), from_length);
  }
}

}  // namespace

int main(int argc, char** argv) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (argc != 2 || std::strlen(argv[1]) >= sizeof(address.sun_path)) return 2;
  std::strcpy(address.sun_path, argv[1]);
  const Table table = ReadTable();
  int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
  if (fd < 0 || bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) return 1;
  std::puts("ready");
  std::fflush(stdout);
  for (;;) {
    pollfd waiting[] = {{fd, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
    if (poll(waiting, 2, -1) < 0) continue;
    if (waiting[0].revents & POLLIN) Answer(fd, table);
    if (waiting[1].revents) break;
  }
  unlink(argv[1]);
  return 0;
}
