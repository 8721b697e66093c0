// Runs one question on a thread of Node's pool and settles a promise with its outcome, so that whoever is silent never
// holds up JavaScript.
#pragma once

#include <napi.h>

#include <functional>
#include <utility>
#include <variant>

#include "control_error.h"
#include "to_javascript.h"

namespace wifi_direct {

// `Answer` is what ToJavaScript() takes.
template <typename Answer>
class PromiseWorker final : public Napi::AsyncWorker {
 public:
  using Outcome = std::variant<Answer, ControlError>;

  // `ask` is called once, on the other thread, and must touch nothing of JavaScript.
  static Napi::Promise Start(Napi::Env env, const char* name, std::function<Outcome()> ask) {
    // It deletes itself once its promise is settled.
    auto* worker = new PromiseWorker(env, name, std::move(ask));
    Napi::Promise promise = worker->deferred_.Promise();
    worker->Queue();
    return promise;
  }

 private:
  PromiseWorker(Napi::Env env, const char* name, std::function<Outcome()> ask)
      : Napi::AsyncWorker(env, name), deferred_(Napi::Promise::Deferred::New(env)), ask_(std::move(ask)) {}

  // Every failure is a value in outcome_; SetError is never called, so OnError never is.
  void Execute() override { outcome_ = ask_(); }

  void OnOK() override {
    try {
      Settle();
    } catch (const Napi::Error&) {
      // The environment (a worker thread, say) is ending: no JavaScript can run, nobody is left to tell.
    }
  }

  void Settle() {
    if (auto* error = std::get_if<ControlError>(&outcome_)) {
      Napi::Error failure = Napi::Error::New(Env(), error->message);
      Describe(*error, failure.Value());
      deferred_.Reject(failure.Value());
      return;
    }
    deferred_.Resolve(ToJavaScript(Env(), std::get<Answer>(outcome_)));
  }

  Napi::Promise::Deferred deferred_;
  const std::function<Outcome()> ask_;
  Outcome outcome_;
};

}  // namespace wifi_direct
