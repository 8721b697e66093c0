// The boundary to JavaScript: checks what comes in, starts the work. Keeps no state
// but each environment's own, so any number of them (worker threads) may load it.

#include <linux/netlink.h>
#include <napi.h>

#include <utility>

#include "control_socket.h"
#include "event_listener.h"
#include "netlink_socket.h"
#include "promise_worker.h"

namespace wifi_direct {
namespace {

// A bound, so that a process that exits while a request waits is not held up for longer.
constexpr int64_t kMaxTimeoutMs = 10'000;

std::string RequiredString(const Napi::Object& options, const char* name) {
  Napi::Value value = options.Get(name);
  if (!value.IsString()) throw Napi::TypeError::New(options.Env(), std::string(name) + " must be a string");
  return value.As<Napi::String>().Utf8Value();
}

std::chrono::milliseconds RequiredMs(const Napi::Object& options, const char* name) {
  Napi::Env env = options.Env();
  Napi::Value value = options.Get(name);
  if (!value.IsNumber()) throw Napi::TypeError::New(env, std::string(name) + " must be a number");
  const int64_t ms = value.As<Napi::Number>().Int64Value();
  if (ms < 1 || ms > kMaxTimeoutMs) {
    throw Napi::RangeError::New(env, std::string(name) + " must be from 1 to " + std::to_string(kMaxTimeoutMs));
  }
  return std::chrono::milliseconds(ms);
}

// request({ socketPath, clientFolder, command, timeoutMs }): Promise<Buffer>
Napi::Value JS_Request(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (info.Length() != 1 || !info[0].IsObject()) throw Napi::TypeError::New(env, "request takes one object");
  auto options = info[0].As<Napi::Object>();
  ControlRequest request{RequiredString(options, "socketPath"), RequiredString(options, "clientFolder"),
                         RequiredString(options, "command"), RequiredMs(options, "timeoutMs")};
  return PromiseWorker<Bytes>::Start(env, "wifi_direct:request",
                                     [request = std::move(request)] { return AskSupplicant(request); });
}

// listen({ socketPath, clientFolder, timeoutMs, pingIntervalMs }, listener): () => void
Napi::Value JS_Listen(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (info.Length() != 2 || !info[0].IsObject() || !info[1].IsFunction()) {
    throw Napi::TypeError::New(env, "listen takes one object and one function");
  }
  auto options = info[0].As<Napi::Object>();
  EventStreamOptions stream{RequiredString(options, "socketPath"), RequiredString(options, "clientFolder"),
                            RequiredMs(options, "timeoutMs"), RequiredMs(options, "pingIntervalMs")};
  return Listen(env, std::move(stream), info[1].As<Napi::Function>());
}

int RequiredProtocol(const Napi::Object& options) {
  const std::string name = RequiredString(options, "protocol");
  if (name == "route") return NETLINK_ROUTE;
  if (name == "generic") return NETLINK_GENERIC;
  throw Napi::TypeError::New(options.Env(), "protocol must be route or generic");
}

// netlink({ protocol, message, timeoutMs }): Promise<Buffer[]>
Napi::Value JS_Netlink(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (info.Length() != 1 || !info[0].IsObject()) throw Napi::TypeError::New(env, "netlink takes one object");
  auto options = info[0].As<Napi::Object>();
  Napi::Value message = options.Get("message");
  if (!message.IsTypedArray() || message.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
    throw Napi::TypeError::New(env, "message must be a Uint8Array");
  }
  const auto bytes = message.As<Napi::Uint8Array>();
  const auto* data = reinterpret_cast<const char*>(bytes.Data());
  const int protocol = RequiredProtocol(options);
  const auto timeout = RequiredMs(options, "timeoutMs");
  return PromiseWorker<std::vector<Bytes>>::Start(
      env, "wifi_direct:netlink", [protocol, timeout, question = Bytes(data, data + bytes.ByteLength())] {
        return AskKernel(protocol, question, timeout);
      });
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  PrepareListening(env);
  exports.Set("request", Napi::Function::New(env, JS_Request, "request"));
  exports.Set("listen", Napi::Function::New(env, JS_Listen, "listen"));
  exports.Set("netlink", Napi::Function::New(env, JS_Netlink, "netlink"));
  return exports;
}

NODE_API_MODULE(wifi_direct, Init)

}  // namespace
}  // namespace wifi_direct
