#include "event_listener.h"

#include <memory>
#include <utility>

namespace wifi_direct {
namespace {

// Lives from listen() to the finalizer of its thread-safe function, which runs on JavaScript's thread once the stream's
// thread has let go of it or the environment ends.
struct Listening : std::enable_shared_from_this<Listening> {
  std::unique_ptr<EventStream> stream;
  Napi::ThreadSafeFunction to_javascript;
  bool is_closed = false;  // JavaScript's thread only
};

void Say(Napi::Env env, const Napi::Function& listener, const char* type,
         const std::function<void(Napi::Object)>& fill = {}) {
  auto message = Napi::Object::New(env);
  message.Set("type", type);
  if (fill) fill(message);
  listener.Call({message});
}

// JavaScript has other things to do: after so many events it comes to them before the next ones.
constexpr size_t kMostEventsAtOnce = 64;

void SayBatch(Napi::Env env, const Napi::Function& listener, Listening& listening);

void SayMoreSoon(Napi::Env env, const Napi::Function& listener, Listening& listening) {
  // The stream's thread cannot be asked for it: it may have ended, with events that are still to be told.
  std::weak_ptr<Listening> weak = listening.weak_from_this();
  auto more = Napi::Function::New(env, [weak](const Napi::CallbackInfo& info) {
    auto strong = weak.lock();
    if (strong && !strong->is_closed) SayBatch(info.Env(), info[0].As<Napi::Function>(), *strong);
  });
  env.Global().Get("setImmediate").As<Napi::Function>().Call({more, listener});
}

void SayBatch(Napi::Env env, const Napi::Function& listener, Listening& listening) {
  const EventBatch batch = listening.stream->Take(kMostEventsAtOnce);
  // First, so that a listener that throws does not keep the rest from being told.
  if (batch.has_more) SayMoreSoon(env, listener, listening);
  if (batch.attached) Say(env, listener, "attached");
  for (const Bytes& bytes : batch.events) {
    // close() inside the listener means: nothing more.
    if (listening.is_closed) return;
    Say(env, listener, "event", [&](Napi::Object message) {
      message.Set("bytes", Napi::Buffer<char>::Copy(env, bytes.data(), bytes.size()));
    });
  }
  if (batch.dropped > 0 && !listening.is_closed) {
    Say(env, listener, "dropped", [&](Napi::Object message) {
      message.Set("count", Napi::Number::New(env, static_cast<double>(batch.dropped)));
    });
  }
  if (!batch.end || listening.is_closed) return;
  listening.is_closed = true;
  listening.to_javascript.Release();
  Say(env, listener, "ended", [&](Napi::Object message) {
    message.Set("code", batch.end->code);
    message.Set("message", batch.end->message);
    if (batch.end->system_errno != 0) message.Set("errno", Napi::Number::New(env, batch.end->system_errno));
  });
}

}  // namespace

Napi::Function Listen(Napi::Env env, EventStreamOptions options, Napi::Function listener) {
  auto listening = std::make_shared<Listening>();
  // The only reference from JavaScript's side is the thread-safe function's; its finalizer drops it after the join.
  listening->to_javascript = Napi::ThreadSafeFunction::New(
      env, listener, "wifi_direct:events", 0, 1, [listening](Napi::Env) mutable {
        listening->stream.reset();
        listening.reset();
      });
  auto wake = [raw = listening.get()] {
    // Refused only while the environment ends: then nobody is left to tell.
    raw->to_javascript.NonBlockingCall([raw](Napi::Env call_env, Napi::Function js_listener) {
      if (!raw->is_closed) SayBatch(call_env, js_listener, *raw);
    });
  };
  listening->stream = std::make_unique<EventStream>(std::move(options), std::move(wake));
  if (!listening->stream->Start()) {
    listening->is_closed = true;
    listening->to_javascript.Release();
    Napi::Error failure = Napi::Error::New(env, "the system has no thread or descriptor left");
    failure.Set("code", "system_error");
    throw failure;
  }
  std::weak_ptr<Listening> weak = listening;
  return Napi::Function::New(
      env,
      [weak](const Napi::CallbackInfo&) {
        auto strong = weak.lock();
        if (!strong || strong->is_closed) return;
        strong->is_closed = true;
        strong->stream->RequestStop();
        strong->to_javascript.Release();
      },
      "close");
}

}  // namespace wifi_direct
