#include "event_stream.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <string_view>
#include <system_error>
#include <utility>

namespace wifi_direct {
namespace {

// The sign of life. Unlike PING it also tells whether events still come: a supplicant that could not deliver some (this
// process was stopped, or busy for long) strikes its listener off without a word, and answers this with FAIL. The level
// is the one that every listener has from the start.
constexpr const char* kSignOfLife = "LEVEL 3";

bool Says(const Bytes& reply, std::string_view text) {
  return std::string_view(reply.data(), reply.size()) == text;
}

}  // namespace

EventStream::EventStream(EventStreamOptions options, std::function<void()> wake)
    : options_(std::move(options)), wake_(std::move(wake)), stop_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

EventStream::~EventStream() {
  RequestStop();
  Join();
}

bool EventStream::Start() {
  if (!stop_.valid()) return false;
  try {
    thread_ = std::thread([this] { Run(); });
  } catch (const std::system_error&) {
    return false;
  }
  return true;
}

void EventStream::RequestStop() {
  if (stopping_.exchange(true) || !stop_.valid()) return;
  const uint64_t one = 1;
  // Cannot fail: the counter is far from full, and the descriptor is ours.
  [[maybe_unused]] ssize_t written = ::write(stop_.get(), &one, sizeof(one));
}

void EventStream::Join() {
  if (thread_.joinable()) thread_.join();
}

EventBatch EventStream::Take(size_t most_news) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (pending_.news.size() <= most_news) return std::exchange(pending_, EventBatch{});
  EventBatch batch;
  batch.attached = std::exchange(pending_.attached, false);
  batch.has_more = true;
  const auto rest = pending_.news.begin() + static_cast<std::ptrdiff_t>(most_news);
  batch.news.assign(std::make_move_iterator(pending_.news.begin()), std::make_move_iterator(rest));
  pending_.news.erase(pending_.news.begin(), rest);
  return batch;
}

void EventStream::Run() {
  auto opened = ControlSocket::Open(options_.socket_path, options_.client_folder);
  std::optional<ControlError> end;
  if (auto* error = std::get_if<ControlError>(&opened)) {
    end = std::move(*error);
  } else {
    auto& socket = std::get<ControlSocket>(opened);
    end = Listen(socket);
    // A courtesy: a supplicant that is not told sends into the void until sending fails.
    if (stopping_) socket.TrySend("DETACH");
  }
  if (end && !stopping_) SayEnd(std::move(*end));
}

std::optional<ControlError> EventStream::Listen(ControlSocket& socket) {
  bool attached = false;
  // Once it was: whatever happened until it is again is lost.
  bool was_attached = false;
  // The word that waits for its reply; unsent while a busy supplicant's queue is full.
  const char* unsent = "ATTACH";
  bool waiting_for_reply = true;
  auto deadline = Clock::now() + options_.reply_timeout;
  for (;;) {
    if (unsent != nullptr) {
      auto failed = socket.TrySend(unsent);
      if (!failed) {
        unsent = nullptr;
      } else if (failed->system_errno != EAGAIN && failed->system_errno != ENOBUFS) {
        return failed;
      }
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    const short wanted = unsent == nullptr ? POLLIN : POLLIN | POLLOUT;
    pollfd waiting[] = {{socket.fd(), wanted, 0}, {stop_.get(), POLLIN, 0}};
    const int ready = ::poll(waiting, 2, static_cast<int>(std::max<int64_t>(left, 0)));
    if (ready < 0 && errno != EINTR) return ErrorFromErrno("waiting for events", errno);
    if (stopping_) return std::nullopt;
    if (ready > 0 && (waiting[0].revents & ~POLLOUT) != 0) {
      auto received = socket.TryReceive();
      if (auto* error = std::get_if<ControlError>(&received)) {
        if (std::string_view(error->code) != "reply_too_long") return std::move(*error);
        // A neighbour's answer can be as long as it likes. It is lost, and the stream goes on.
        if (attached) SayDropped();
        continue;
      }
      auto& bytes = std::get<std::optional<Bytes>>(received);
      if (!bytes) continue;
      const bool is_event = !bytes->empty() && bytes->front() == '<';
      if (!is_event && !attached) {
        if (Says(*bytes, "OK\n")) {
          attached = true;
          if (was_attached) {
            SayDropped();
          } else {
            SayAttached();
          }
          was_attached = true;
        } else if (!was_attached) {
          return ControlError{"attach_refused", "the supplicant refused to send events"};
        }
      } else if (!is_event && Says(*bytes, "FAIL\n")) {
        attached = false;
        unsent = "ATTACH";
        waiting_for_reply = true;
        deadline = Clock::now() + options_.reply_timeout;
        continue;
      }
      if (is_event) Enqueue(std::move(*bytes));
      // Before OK an event proves nothing: only the reply says that events will keep coming.
      if (!attached) continue;
      waiting_for_reply = false;
      unsent = nullptr;
      deadline = Clock::now() + options_.ping_interval;
      continue;
    }
    if (Clock::now() < deadline) continue;
    if (waiting_for_reply) return ControlError{"timed_out", "the supplicant has gone silent", ETIMEDOUT};
    unsent = kSignOfLife;
    waiting_for_reply = true;
    deadline = Clock::now() + options_.reply_timeout;
  }
}

void EventStream::Enqueue(Bytes bytes) {
  bool is_first;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    is_first = pending_.IsEmpty();
    if (pending_.news.size() >= kMaxQueuedEvents) {
      NoteLoss();
    } else {
      pending_.news.push_back({std::move(bytes)});
    }
  }
  // One call for many events: the reader takes all that is there.
  if (is_first) wake_();
}

void EventStream::SayDropped() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    NoteLoss();
  }
  wake_();
}

// With the lock held. Losses in a row are one.
void EventStream::NoteLoss() {
  if (pending_.news.empty() || pending_.news.back().dropped == 0) pending_.news.push_back({});
  pending_.news.back().dropped++;
}

void EventStream::SayAttached() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    pending_.attached = true;
  }
  wake_();
}

void EventStream::SayEnd(ControlError error) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    pending_.end = std::move(error);
  }
  wake_();
}

}  // namespace wifi_direct
