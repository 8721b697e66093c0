#include "netlink_worker.h"

#include <utility>

namespace wifi_direct {

NetlinkWorker::NetlinkWorker(Napi::Env env, NetlinkOptions options)
    : Napi::AsyncWorker(env, "wifi_direct:netlink"),
      deferred_(Napi::Promise::Deferred::New(env)),
      options_(std::move(options)) {}

// Every failure is a value in reply_; SetError is never called, so OnError never is.
void NetlinkWorker::Execute() { reply_ = AskKernel(options_.protocol, options_.message, options_.timeout); }

void NetlinkWorker::OnOK() {
  try {
    Settle();
  } catch (const Napi::Error&) {
    // The environment (a worker thread, say) is ending: no JavaScript can run, nobody is left to tell.
  }
}

void NetlinkWorker::Settle() {
  Napi::Env env = Env();
  if (auto* error = std::get_if<ControlError>(&reply_)) {
    Napi::Error failure = Napi::Error::New(env, error->message);
    failure.Set("code", Napi::String::New(env, error->code));
    if (error->system_errno != 0) failure.Set("errno", Napi::Number::New(env, error->system_errno));
    deferred_.Reject(failure.Value());
    return;
  }
  const auto& datagrams = std::get<std::vector<Bytes>>(reply_);
  auto answer = Napi::Array::New(env, datagrams.size());
  for (uint32_t at = 0; at < datagrams.size(); at++) {
    answer.Set(at, Napi::Buffer<char>::Copy(env, datagrams[at].data(), datagrams[at].size()));
  }
  deferred_.Resolve(answer);
}

}  // namespace wifi_direct
