// Runs one request on libuv's thread pool and settles a promise with the outcome,
// so that a silent supplicant never holds up JavaScript.
#pragma once

#include <napi.h>

#include <chrono>
#include <string>

#include "control_socket.h"

namespace wifi_direct {

struct RequestOptions {
  std::string socket_path;
  std::string client_folder;
  std::string command;
  std::chrono::milliseconds timeout;
};

class RequestWorker final : public Napi::AsyncWorker {
 public:
  RequestWorker(Napi::Env env, RequestOptions options);

  Napi::Promise Promise() const { return deferred_.Promise(); }

 private:
  void Execute() override;
  void OnOK() override;
  void Settle();

  Napi::Promise::Deferred deferred_;
  const RequestOptions options_;
  Reply reply_;
};

}  // namespace wifi_direct
