// One question to the kernel, on a thread of Node's pool; settles a promise.
#pragma once

#include <napi.h>

#include <chrono>

#include "netlink_socket.h"

namespace wifi_direct {

struct NetlinkOptions {
  int protocol;
  Bytes message;
  std::chrono::milliseconds timeout;
};

class NetlinkWorker final : public Napi::AsyncWorker {
 public:
  NetlinkWorker(Napi::Env env, NetlinkOptions options);
  Napi::Promise Promise() const { return deferred_.Promise(); }

 protected:
  void Execute() override;
  void OnOK() override;

 private:
  void Settle();

  Napi::Promise::Deferred deferred_;
  NetlinkOptions options_;
  NetlinkReply reply_ = std::vector<Bytes>();
};

}  // namespace wifi_direct
