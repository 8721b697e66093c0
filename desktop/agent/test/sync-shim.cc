// Stands between the agent and the disk's syncs, for tests: writes down each one of the database's files, and lets
// one fail when it is told to, as a disk does: once, and then pretends that all is well.
// Loaded by LD_PRELOAD; SYNC_SHIM_LOG is where it writes, and a file SYNC_SHIM_LOG.fail names the file to fail.
// With SYNC_SHIM_DELAY_MS every sync of the process takes so much longer, as on a slow disk, for benchmarks.
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

namespace {

using Sync = int (*)(int);

constexpr size_t kMaxName = 256;

/** Last part of the path behind `fd`, or an empty string. */
void nameOf(int fd, char (&name)[kMaxName]) {
  char link[64];
  char path[4096];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t length = readlink(link, path, sizeof path - 1);
  path[length < 0 ? 0 : length] = '\0';
  const char *last = std::strrchr(path, '/');
  std::strncpy(name, last == nullptr ? path : last + 1, kMaxName - 1);
  name[kMaxName - 1] = '\0';
}

bool shallFail(const char *log, const char *name) {
  char order[4096];
  std::snprintf(order, sizeof order, "%s.fail", log);
  char wanted[kMaxName] = {};
  const int fd = open(order, O_RDONLY);
  if (fd < 0) return false;
  const ssize_t length = read(fd, wanted, sizeof wanted - 1);
  close(fd);
  if (length <= 0 || std::strcmp(wanted, name) != 0) return false;
  unlink(order);
  return true;
}

void dawdle() {
  const char *delay = std::getenv("SYNC_SHIM_DELAY_MS");
  if (delay != nullptr) usleep(static_cast<useconds_t>(std::atoi(delay)) * 1000);
}

int syncThrough(const char *symbol, int fd) {
  dawdle();
  const auto real = reinterpret_cast<Sync>(dlsym(RTLD_NEXT, symbol));
  const char *log = std::getenv("SYNC_SHIM_LOG");
  char name[kMaxName];
  nameOf(fd, name);
  if (log == nullptr || std::strncmp(name, "kiosk.sqlite", 12) != 0) return real(fd);
  const bool fails = shallFail(log, name);
  const int result = fails ? -1 : real(fd);
  char line[kMaxName + 16];
  const int length = std::snprintf(line, sizeof line, "%s %s\n", result == 0 ? "ok" : "failed", name);
  const int out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (out >= 0) {
    [[maybe_unused]] const ssize_t written = write(out, line, static_cast<size_t>(length));
    close(out);
  }
  if (fails) errno = EIO;
  return result;
}

}  // namespace

extern "C" int fdatasync(int fd) { return syncThrough("fdatasync", fd); }
extern "C" int fsync(int fd) { return syncThrough("fsync", fd); }
