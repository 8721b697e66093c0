// Listens to one supplicant's events on a socket and a thread of its own, so that an
// event can never be taken for the reply to a command, and notices when the supplicant
// is gone. Understands one byte of what it reads: the '<' that opens every event.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "control_error.h"
#include "control_socket.h"
#include "unique_fd.h"

namespace wifi_direct {

struct EventStreamOptions {
  std::string socket_path;
  std::string client_folder;
  // For ATTACH and for each sign of life.
  std::chrono::milliseconds reply_timeout;
  // How long the supplicant may be silent before it is asked whether it lives.
  std::chrono::milliseconds ping_interval;
};

struct News {
  Bytes event;
  // Not 0: in place of an event, so many that are lost: too many, too long, or not sent at all (counted as one).
  size_t dropped = 0;
};

// What the reader takes away at one go, in the order in which it happened.
struct EventBatch {
  bool attached = false;           // the supplicant has just begun to send events
  std::deque<News> news;
  std::optional<ControlError> end; // the last thing that a stream says
  bool has_more = false;

  bool IsEmpty() const { return !attached && news.empty() && !end; }
};

class EventStream {
 public:
  // A reader that does not come for this many events has lost its picture anyway: it is told how many it missed.
  static constexpr size_t kMaxQueuedEvents = 4096;

  // `wake` is called on the stream's thread whenever Take() has something new; it must not block.
  EventStream(EventStreamOptions options, std::function<void()> wake);
  EventStream(const EventStream&) = delete;
  EventStream& operator=(const EventStream&) = delete;
  ~EventStream();

  // Begins the thread. False, with nothing begun, when the system has no thread or descriptor left.
  bool Start();

  // Asks the thread to end; returns at once. After it, `end` has no error to tell and is never said.
  void RequestStop();

  // Waits for the thread; at most for the time of one system call after RequestStop().
  void Join();

  // At most so many news, in the order in which they came; whether the rest waits is in `has_more`.
  EventBatch Take(size_t most_news);

 private:
  using Clock = std::chrono::steady_clock;

  void Run();
  std::optional<ControlError> Listen(ControlSocket& socket);
  void Enqueue(Bytes bytes);
  void SayDropped();
  void NoteLoss();
  void SayAttached();
  void SayEnd(ControlError error);

  const EventStreamOptions options_;
  const std::function<void()> wake_;
  const UniqueFd stop_;
  std::thread thread_;
  std::atomic<bool> stopping_{false};

  std::mutex mutex_;
  EventBatch pending_;
};

}  // namespace wifi_direct
