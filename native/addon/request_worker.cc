#include "request_worker.h"

#include <utility>

namespace wifi_direct {

RequestWorker::RequestWorker(Napi::Env env, RequestOptions options)
    : Napi::AsyncWorker(env, "wifi_direct:request"),
      deferred_(Napi::Promise::Deferred::New(env)),
      options_(std::move(options)) {}

// Every failure is a value in reply_; SetError is never called, so OnError never is.
void RequestWorker::Execute() {
  auto opened = ControlSocket::Open(options_.socket_path, options_.client_folder);
  if (auto* error = std::get_if<ControlError>(&opened)) {
    reply_ = std::move(*error);
    return;
  }
  reply_ = std::get<ControlSocket>(opened).Request(options_.command, options_.timeout);
}

void RequestWorker::OnOK() {
  try {
    Settle();
  } catch (const Napi::Error&) {
    // The environment (a worker thread, say) is ending: no JavaScript can run, nobody is left to tell.
  }
}

void RequestWorker::Settle() {
  Napi::Env env = Env();
  if (auto* error = std::get_if<ControlError>(&reply_)) {
    Napi::Error failure = Napi::Error::New(env, error->message);
    failure.Set("code", Napi::String::New(env, error->code));
    if (error->system_errno != 0) failure.Set("errno", Napi::Number::New(env, error->system_errno));
    deferred_.Reject(failure.Value());
    return;
  }
  const Bytes& bytes = std::get<Bytes>(reply_);
  deferred_.Resolve(Napi::Buffer<char>::Copy(env, bytes.data(), bytes.size()));
}

}  // namespace wifi_direct
