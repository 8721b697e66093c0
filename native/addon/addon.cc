// The boundary to JavaScript: checks what comes in, starts the work. Keeps no
// state, so any number of environments (worker threads) may load it.

#include <napi.h>

#include <utility>

#include "request_worker.h"

namespace wifi_direct {
namespace {

// A bound, so that a process that exits while a request waits is not held up for longer.
constexpr int64_t kMaxTimeoutMs = 10'000;

std::string RequiredString(const Napi::Object& options, const char* name) {
  Napi::Value value = options.Get(name);
  if (!value.IsString()) throw Napi::TypeError::New(options.Env(), std::string(name) + " must be a string");
  return value.As<Napi::String>().Utf8Value();
}

// request({ socketPath, clientFolder, command, timeoutMs }): Promise<Buffer>
Napi::Value JS_Request(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (info.Length() != 1 || !info[0].IsObject()) throw Napi::TypeError::New(env, "request takes one object");
  auto options = info[0].As<Napi::Object>();
  Napi::Value timeout = options.Get("timeoutMs");
  if (!timeout.IsNumber()) throw Napi::TypeError::New(env, "timeoutMs must be a number");
  int64_t timeout_ms = timeout.As<Napi::Number>().Int64Value();
  if (timeout_ms < 1 || timeout_ms > kMaxTimeoutMs) {
    throw Napi::RangeError::New(env, "timeoutMs must be from 1 to 10000");
  }
  RequestOptions request{RequiredString(options, "socketPath"), RequiredString(options, "clientFolder"),
                         RequiredString(options, "command"), std::chrono::milliseconds(timeout_ms)};
  // The worker deletes itself once its promise is settled.
  auto* worker = new RequestWorker(env, std::move(request));
  Napi::Promise promise = worker->Promise();
  worker->Queue();
  return promise;
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports.Set("request", Napi::Function::New(env, JS_Request, "request"));
  return exports;
}

NODE_API_MODULE(wifi_direct, Init)

}  // namespace
}  // namespace wifi_direct
