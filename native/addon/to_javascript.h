// What bytes and errors look like in JavaScript.
#pragma once

#include <napi.h>

#include <vector>

#include "control_error.h"
#include "control_socket.h"

namespace wifi_direct {

// A Buffer of its own.
inline Napi::Value ToJavaScript(Napi::Env env, const Bytes& bytes) {
  return Napi::Buffer<char>::Copy(env, bytes.data(), bytes.size());
}

inline Napi::Value ToJavaScript(Napi::Env env, const std::vector<Bytes>& datagrams) {
  auto all = Napi::Array::New(env, datagrams.size());
  for (uint32_t at = 0; at < datagrams.size(); at++) all.Set(at, ToJavaScript(env, datagrams[at]));
  return all;
}

// Gives an object, such as an error, the code to branch on and the system's own number.
inline void Describe(const ControlError& error, Napi::Object object) {
  object.Set("code", error.code);
  if (error.system_errno != 0) object.Set("errno", Napi::Number::New(object.Env(), error.system_errno));
}

}  // namespace wifi_direct
