// The boundary to JavaScript: one function, `open(rememberedKeys)`, that returns a verifier's one function,
// `verify(packed, verdicts)`. An environment's verifiers are its own, so any number of worker threads may load this.
//
// `packed` is, for each check, three lengths (big-endian, 32 bits) and then the bytes: public key, data, signature.
// `verdicts` gets a 1 or a 0 for each. False, and all verdicts 0, when the two do not fit: hostile bytes never throw. Short
// memory does, since what nobody could verify must not be called bad.

#include <node_api.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "verifier.h"

namespace {

constexpr size_t kLengths = 3 * sizeof(uint32_t);
/// What one call may be asked, so that no thread is held for longer than seconds.
constexpr size_t kMaxPacked = 64 << 20;
constexpr size_t kMaxChecks = 1 << 16;

uint32_t ReadLength(const uint8_t* at) {
  return uint32_t{at[0]} << 24 | uint32_t{at[1]} << 16 | uint32_t{at[2]} << 8 | uint32_t{at[3]};
}

/// Takes bytes from the front; never past the end.
bool Take(Bytes* rest, size_t size, Bytes* taken) {
  if (size > rest->size) return false;
  *taken = {rest->data, size};
  *rest = {rest->data + size, rest->size - size};
  return true;
}

bool TakeCheck(Bytes* rest, Check* check) {
  Bytes lengths;
  if (!Take(rest, kLengths, &lengths)) return false;
  Bytes* const parts[] = {&check->key, &check->data, &check->signature};
  for (size_t part = 0; part < 3; part += 1) {
    if (!Take(rest, ReadLength(lengths.data + part * sizeof(uint32_t)), parts[part])) return false;
  }
  return true;
}

enum class Outcome { kVerified, kMisfit, kShort };

Outcome VerifyAll(Verifier* verifier, Bytes rest, uint8_t* verdicts, size_t count) {
  if (rest.size > kMaxPacked || count > kMaxChecks) return Outcome::kMisfit;
  std::array<Check, Verifier::kTogether> checks;
  for (size_t done = 0; done < count;) {
    const size_t together = std::min(count - done, checks.size());
    for (size_t n = 0; n < together; n += 1) {
      if (!TakeCheck(&rest, &checks[n])) return Outcome::kMisfit;
    }
    if (!verifier->Verify(checks.data(), together, verdicts + done)) return Outcome::kShort;
    done += together;
  }
  return rest.size == 0 ? Outcome::kVerified : Outcome::kMisfit;
}

bool ReadBytes(napi_env env, napi_value value, uint8_t** data, size_t* size) {
  bool is_typed_array = false;
  if (napi_is_typedarray(env, value, &is_typed_array) != napi_ok || !is_typed_array) return false;
  napi_typedarray_type type;
  void* start = nullptr;
  if (napi_get_typedarray_info(env, value, &type, size, &start, nullptr, nullptr) != napi_ok) return false;
  *data = static_cast<uint8_t*>(start);
  return type == napi_uint8_array;
}

napi_value JS_Verify(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  size_t count = 2;
  void* state = nullptr;
  if (napi_get_cb_info(env, info, &count, arguments, nullptr, &state) != napi_ok) return nullptr;
  uint8_t* packed = nullptr;
  uint8_t* verdicts = nullptr;
  size_t packed_size = 0;
  size_t checks = 0;
  const bool is_bytes = count == 2 && ReadBytes(env, arguments[0], &packed, &packed_size) &&
                        ReadBytes(env, arguments[1], &verdicts, &checks);
  if (!is_bytes) {
    napi_throw_type_error(env, nullptr, "verify takes two Uint8Array");
    return nullptr;
  }
  auto* verifier = static_cast<Verifier*>(state);
  const Outcome outcome = VerifyAll(verifier, {packed, packed_size}, verdicts, checks);
  verifier->EndCall();
  if (outcome != Outcome::kVerified && checks > 0) std::memset(verdicts, 0, checks);
  if (outcome == Outcome::kShort) {
    napi_throw_error(env, nullptr, "no memory to verify signatures");
    return nullptr;
  }
  napi_value answer = nullptr;
  napi_get_boolean(env, outcome == Outcome::kVerified, &answer);
  return answer;
}

void Forget(napi_env, void* verifier, void*) { delete static_cast<Verifier*>(verifier); }

napi_value JS_Open(napi_env env, napi_callback_info info) {
  napi_value argument;
  size_t count = 1;
  uint32_t remembered = 0;
  const bool is_number = napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr) == napi_ok &&
                         count == 1 && napi_get_value_uint32(env, argument, &remembered) == napi_ok;
  std::unique_ptr<Verifier> verifier = is_number ? Verifier::Create(remembered) : nullptr;
  if (verifier == nullptr) {
    napi_throw_error(env, nullptr, "a verifier cannot be made of this");
    return nullptr;
  }
  napi_value verify = nullptr;
  const bool is_made =
      napi_create_function(env, "verify", NAPI_AUTO_LENGTH, JS_Verify, verifier.get(), &verify) == napi_ok &&
      napi_add_finalizer(env, verify, verifier.get(), Forget, nullptr, nullptr) == napi_ok;
  if (!is_made) return nullptr;
  verifier.release();
  return verify;
}

}  // namespace

NAPI_MODULE_INIT() {
  napi_value open = nullptr;
  if (napi_create_function(env, "open", NAPI_AUTO_LENGTH, JS_Open, nullptr, &open) != napi_ok) return nullptr;
  if (napi_set_named_property(env, exports, "open", open) != napi_ok) return nullptr;
  return exports;
}
