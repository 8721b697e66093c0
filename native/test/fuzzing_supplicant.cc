// Stands in for a supplicant that says what strangers make it say: lines of the real one, changed at random.
//
// Usage: fuzzing_supplicant SOCKET SEED LINES. Prints "ready" once it listens. Whoever sends ATTACH gets OK and so many
// events; every other command a changed reply. Before each hundredth event it waits for a command, so that however slow
// its asker is, replies come between the events. Ends after the last event, or when its standard input ends.

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace {

constexpr unsigned long kEventsBetweenReplies = 100;

const std::vector<std::string> kLines = {
    "<3>P2P-DEVICE-FOUND 02:00:00:00:01:00 p2p_dev_addr=02:00:00:00:01:00 pri_dev_type=10-0050F204-5 name='Phone' "
    "config_methods=0x188 dev_capab=0x25 group_capab=0x2b vendor_elems=1 new=1",
    "<3>P2P-DEVICE-LOST p2p_dev_addr=02:00:00:00:01:00",
    "<3>P2P-GROUP-STARTED p2p-wlan0-0 GO ssid=\"DIRECT-ab\\\"x\\x00\" freq=2412 passphrase=\"abcdefghijklmnop\" "
    "go_dev_addr=02:00:00:00:01:00 [PERSISTENT]",
    "<3>P2P-GROUP-REMOVED p2p-wlan0-0 GO reason=REQUESTED",
    "<3>AP-STA-CONNECTED 02:00:00:00:01:00 p2p_dev_addr=02:00:00:00:01:00",
    "<3>AP-STA-DISCONNECTED 02:00:00:00:01:00",
    "<3>AP-STA-POSSIBLE-PSK-MISMATCH 02:00:00:00:01:00",
    "<3>P2P-SERV-DISC-RESP 02:00:00:00:01:00 1 1f000101000b5f6166706f766572746370c00c000c01074578616d706c65c027",
    "<3>P2P-GO-NEG-FAILURE status=1",
    "<3>P2P-PROV-DISC-FAILURE p2p_dev_addr=02:00:00:00:01:00 adv_id=1 status=1",
    "<4>CTRL-EVENT-TERMINATING ",
    "wpa_state=COMPLETED\np2p_device_address=02:00:00:00:01:00\naddress=02:00:00:00:00:00\n",
    "network id / ssid / bssid / flags\n0\tDIRECT-ab\tany\t[DISABLED][P2P-PERSISTENT]\n",
    "02:00:00:00:01:00\nflags=[AUTH][ASSOC][AUTHORIZED]\nlevel=-42\n",
    "0000000000000C60:\nAP\nP2P_CAPABLE\n",
};

const std::vector<std::string> kPieces = {"'",    "\"",  "\\",   "\\x",      "\\x0",         std::string(1, '\0'),
                                          "\n",   "\r",  "<3>",  "\xff\xfe", "\xf0\x9f\x92", "\u202e",
                                          " name='", "=", " ssid=\"", "00:", std::string(300, 'A'), "%s%n"};

class Chance {
 public:
  explicit Chance(unsigned seed) : engine_(seed) {}
  size_t Below(size_t limit) { return limit == 0 ? 0 : engine_() % limit; }

  // What opens as an event does is never taken for a reply.
  std::string Reply() {
    std::string line = Line();
    return line.size() > 3 && line.front() == '<' ? line.substr(3) : line;
  }

  std::string Line() {
    std::string line = kLines[Below(kLines.size())];
    for (size_t changes = Below(6); changes > 0; changes--) Change(line);
    // A datagram longer than a reader's buffer, now and then.
    if (Below(5000) == 0) line += std::string(70000, 'x');
    return line;
  }

 private:
  void Change(std::string& line) {
    const size_t at = Below(line.size() + 1);
    switch (Below(6)) {
      case 0:
        if (!line.empty()) line[at % line.size()] = static_cast<char>(Below(256));
        break;
      case 1:
        line.insert(at, kPieces[Below(kPieces.size())]);
        break;
      case 2:
        line.resize(at);
        break;
      case 3:
        line.erase(at, Below(16));
        break;
      case 4: {
        const std::string& other = kLines[Below(kLines.size())];
        line.insert(at, other.substr(Below(other.size())));
        break;
      }
      default:
        line.insert(at, Below(64), static_cast<char>(Below(256)));
    }
  }

  std::mt19937 engine_;
};

}  // namespace

int main(int argc, char** argv) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (argc != 4 || std::strlen(argv[1]) >= sizeof(address.sun_path)) return 2;
  std::strcpy(address.sun_path, argv[1]);
  Chance chance(static_cast<unsigned>(std::stoul(argv[2])));
  unsigned long left = std::stoul(argv[3]);
  int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
  if (fd < 0 || bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) return 1;
  std::puts("ready");
  std::fflush(stdout);
  sockaddr_un listener{};
  socklen_t listener_length = 0;
  unsigned long events_since_reply = 0;
  while (left > 0) {
    const bool waits = listener_length == 0 || events_since_reply >= kEventsBetweenReplies;
    pollfd waiting[] = {{fd, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
    if (poll(waiting, 2, waits ? -1 : 0) < 0) continue;
    if (waiting[1].revents) break;
    if (waiting[0].revents & POLLIN) {
      char buffer[4097];
      sockaddr_un from{};
      socklen_t length = sizeof(from);
      ssize_t got = recvfrom(fd, buffer, sizeof(buffer), 0, reinterpret_cast<sockaddr*>(&from), &length);
      if (got < 0) continue;
      const std::string command(buffer, static_cast<size_t>(got));
      const bool attaches = command == "ATTACH";
      const std::string reply = attaches ? "OK\n" : chance.Reply();
      sendto(fd, reply.data(), reply.size(), 0, reinterpret_cast<sockaddr*>(&from), length);
      if (attaches) {
        listener = from;
        listener_length = length;
      } else {
        events_since_reply = 0;
      }
    }
    if (listener_length == 0 || events_since_reply >= kEventsBetweenReplies) continue;
    const std::string event = chance.Line();
    // An event that is no event (no '<') is what a confused supplicant would send: the reader must stand it, too.
    const ssize_t sent =
        sendto(fd, event.data(), event.size(), 0, reinterpret_cast<sockaddr*>(&listener), listener_length);
    if (sent < 0) listener_length = 0;
    left--;
    events_since_reply++;
  }
  unlink(argv[1]);
  return 0;
}
