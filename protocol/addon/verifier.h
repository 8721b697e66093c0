// One thread's verifier of ES256 signatures, over the OpenSSL that the process has. Owns: what OpenSSL needs between two
// checks, and a bounded memory of public keys. Never: a private key, an exception, state shared with another thread.

#pragma once

#include <openssl/ec.h>
#include <openssl/evp.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

struct Bytes {
  const uint8_t* data;
  size_t size;
};

template <typename T, void (*release)(T*)>
struct Release {
  void operator()(T* owned) const { release(owned); }
};
template <typename T, void (*release)(T*)>
using Owned = std::unique_ptr<T, Release<T, release>>;

class Verifier {
 public:
  static constexpr size_t kMaxRemembered = 1 << 20;

  /// Null when OpenSSL has no such curve or memory is short. @param remembered keys, at most kMaxRemembered.
  static std::unique_ptr<Verifier> Create(size_t remembered);

  /// Whether the 64 bytes r || s are the signature of the data under the compressed point; false for any bad input.
  bool Verify(Bytes key, Bytes data, Bytes signature);

  /// After a number of checks: nothing of theirs stays, but what is remembered of keys.
  void EndCall();

 private:
  static constexpr size_t kScalar = 32;
  static constexpr size_t kCompressed = 1 + kScalar;

  /// A point whose y was found before. All zero, which is no point, where nothing is remembered yet.
  struct Remembered {
    std::array<uint8_t, kCompressed> key;
    std::array<uint8_t, kScalar> y;
  };

  Verifier() = default;
  bool Open(size_t remembered);
  bool Import(const uint8_t* key);
  bool ImportAnew(const uint8_t* key, Remembered* place);
  Remembered* PlaceOf(const uint8_t* key) const;

  Owned<EC_GROUP, EC_GROUP_free> group_;
  Owned<EC_POINT, EC_POINT_free> point_;
  Owned<EC_KEY, EC_KEY_free> key_;
  Owned<ECDSA_SIG, ECDSA_SIG_free> signature_;
  Owned<EVP_MD, EVP_MD_free> sha256_;
  Owned<EVP_MD_CTX, EVP_MD_CTX_free> hashing_;
  Owned<BN_CTX, BN_CTX_free> numbers_;
  /// Belong to signature_.
  BIGNUM* r_ = nullptr;
  BIGNUM* s_ = nullptr;
  /// What key_ holds. All zero, which is no point, where it holds none.
  std::array<uint8_t, kCompressed> imported_{};
  std::unique_ptr<Remembered[]> remembered_;
  size_t remembered_size_ = 0;
};
