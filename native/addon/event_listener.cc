#include "event_listener.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <utility>

#include "to_javascript.h"

namespace wifi_direct {
namespace {

// Lives from listen() to the finalizer of its thread-safe function, which runs on JavaScript's thread once the stream's
// thread has let go of it or the environment ends.
struct Listening {
  std::unique_ptr<EventStream> stream;
  Napi::ThreadSafeFunction to_javascript;
  // JavaScript's thread only:
  bool is_closed = false;
  bool is_turn_spent = false;
};

// One environment's. JavaScript holds numbers in place of pointers: a pointer would need a finalizer, and what waits to be
// finalized is memory that V8 knows nothing of and sees no reason to collect.
struct Environment {
  // Taken when the addon is loaded: whoever puts another clock in place of the global one later stops no events.
  Napi::FunctionReference set_immediate;
  Napi::FunctionReference go_on;
  Napi::FunctionReference close;
  std::shared_ptr<std::unordered_map<uint32_t, Listening*>> listenings =
      std::make_shared<std::unordered_map<uint32_t, Listening*>>();
  uint32_t last_number = 0;

  // Null once it has ended.
  Listening* Find(uint32_t number) const {
    const auto found = listenings->find(number);
    return found == listenings->end() ? nullptr : found->second;
  }
};

void Say(Napi::Env env, const Napi::Function& listener, const char* type,
         const std::function<void(Napi::Object)>& fill = {}) {
  auto message = Napi::Object::New(env);
  message.Set("type", type);
  if (fill) fill(message);
  listener.Call({message});
}

// JavaScript has other things to do: after so many events, or so long, it comes to them before the next ones. A turn of
// its loop may be two of these, one when the stream's thread calls and one for what was left before.
constexpr size_t kMostNewsInATurn = 64;
constexpr std::chrono::milliseconds kLongestTurn{4};
// Between two looks at the clock.
constexpr size_t kNewsAtATime = 4;

// The stream's thread cannot be asked for it: it may have ended, with events that are still to be told.
void GoOnNextTurn(Napi::Env env, const Napi::Function& listener, uint32_t number) {
  auto* environment = env.GetInstanceData<Environment>();
  environment->set_immediate.Call({environment->go_on.Value(), Napi::Number::New(env, number), listener});
}

void SayBatch(Napi::Env env, const Napi::Function& listener, Listening& listening, const EventBatch& batch) {
  if (batch.attached) Say(env, listener, "attached");
  for (const auto& [event, dropped] : batch.news) {
    // close() inside the listener means: nothing more.
    if (listening.is_closed) return;
    Say(env, listener, dropped == 0 ? "event" : "dropped", [&, &bytes = event, count = dropped](Napi::Object message) {
      if (count == 0) message.Set("bytes", ToJavaScript(env, bytes));
      else message.Set("count", Napi::Number::New(env, static_cast<double>(count)));
    });
  }
  if (!batch.end || listening.is_closed) return;
  listening.is_closed = true;
  listening.to_javascript.Release();
  Say(env, listener, "ended", [&](Napi::Object message) {
    message.Set("message", batch.end->message);
    Describe(*batch.end, message);
  });
}

void SayWhatIsNew(Napi::Env env, const Napi::Function& listener, uint32_t number, Listening& listening) {
  // Node makes up to a thousand of the stream's calls in one turn: all but the first wait for the next.
  if (listening.is_closed || listening.is_turn_spent) return;
  const auto until = std::chrono::steady_clock::now() + kLongestTurn;
  size_t told = 0;
  EventBatch batch = listening.stream->Take(kNewsAtATime);
  if (batch.IsEmpty()) return;
  // First, so that a listener that throws does not keep the rest from being told.
  listening.is_turn_spent = true;
  GoOnNextTurn(env, listener, number);
  for (;;) {
    SayBatch(env, listener, listening, batch);
    told += batch.news.size();
    if (!batch.has_more || listening.is_closed) return;
    if (told >= kMostNewsInATurn || std::chrono::steady_clock::now() >= until) return;
    batch = listening.stream->Take(kNewsAtATime);
  }
}

// goOn(number, listener)
void JS_GoOn(const Napi::CallbackInfo& info) {
  const uint32_t number = info[0].As<Napi::Number>().Uint32Value();
  Listening* listening = info.Env().GetInstanceData<Environment>()->Find(number);
  if (listening == nullptr) return;
  listening->is_turn_spent = false;
  SayWhatIsNew(info.Env(), info[1].As<Napi::Function>(), number, *listening);
}

// close(number)
void JS_Close(const Napi::CallbackInfo& info) {
  const uint32_t number = info[0].As<Napi::Number>().Uint32Value();
  Listening* listening = info.Env().GetInstanceData<Environment>()->Find(number);
  if (listening == nullptr || listening->is_closed) return;
  listening->is_closed = true;
  listening->stream->RequestStop();
  listening->to_javascript.Release();
}

}  // namespace

void PrepareListening(Napi::Env env) {
  auto* environment = new Environment;
  environment->set_immediate = Napi::Persistent(env.Global().Get("setImmediate").As<Napi::Function>());
  environment->go_on = Napi::Persistent(Napi::Function::New(env, JS_GoOn, "goOn"));
  environment->close = Napi::Persistent(Napi::Function::New(env, JS_Close, "close"));
  env.SetInstanceData(environment);
}

Napi::Function Listen(Napi::Env env, EventStreamOptions options, Napi::Function listener) {
  auto* environment = env.GetInstanceData<Environment>();
  const uint32_t number = ++environment->last_number;
  auto* listening = new Listening;
  // Its finalizer is what ends the stream's thread and the listening, on whichever way it comes to that.
  listening->to_javascript = Napi::ThreadSafeFunction::New(
      env, listener, "wifi_direct:events", 0, 1,
      [listening, number, listenings = environment->listenings](Napi::Env) {
        listenings->erase(number);
        delete listening;
      });
  environment->listenings->emplace(number, listening);
  auto wake = [listening, number] {
    // Refused only while the environment ends: then nobody is left to tell.
    listening->to_javascript.NonBlockingCall([listening, number](Napi::Env call_env, Napi::Function js_listener) {
      SayWhatIsNew(call_env, js_listener, number, *listening);
    });
  };
  listening->stream = std::make_unique<EventStream>(std::move(options), std::move(wake));
  if (!listening->stream->Start()) {
    listening->is_closed = true;
    listening->to_javascript.Release();
    const ControlError error{"system_error", "the system has no thread or descriptor left"};
    Napi::Error failure = Napi::Error::New(env, error.message);
    Describe(error, failure.Value());
    throw failure;
  }
  const Napi::Function close = environment->close.Value();
  auto bind = close.Get("bind").As<Napi::Function>();
  return bind.Call(close, {env.Undefined(), Napi::Number::New(env, number)}).As<Napi::Function>();
}

}  // namespace wifi_direct
