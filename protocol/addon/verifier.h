// One thread's verifier of ES256 signatures, over the OpenSSL that the process has. Owns: what OpenSSL needs between two
// checks, and a bounded memory of public keys. Never: a private key, an exception, state shared with another thread.

#pragma once

#include <openssl/bn.h>
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

/// Whether the 64 bytes r || s are the signature of the data under the compressed point.
struct Check {
  Bytes key;
  Bytes data;
  Bytes signature;
};

template <typename T, void (*release)(T*)>
struct Release {
  void operator()(T* owned) const { release(owned); }
};
template <typename T, void (*release)(T*)>
using Owned = std::unique_ptr<T, Release<T, release>>;
using Number = Owned<BIGNUM, BN_free>;

class Verifier {
 public:
  static constexpr size_t kMaxRemembered = 1 << 20;
  /// So many checks share one inversion, which costs as much as a fifth of a verification.
  static constexpr size_t kTogether = 64;

  /// Null when OpenSSL has no such curve or memory is short. @param remembered keys, at most kMaxRemembered.
  static std::unique_ptr<Verifier> Create(size_t remembered);

  /// A 1 or a 0 for each of at most kTogether checks; 0 for any bad input. None says anything about another.
  void Verify(const Check* checks, size_t count, uint8_t* verdicts);

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
  bool InvertAll(size_t count);
  bool Holds(const Check& check, const BIGNUM* inverse);
  bool HasX(BIGNUM* r);
  bool Import(const uint8_t* key);
  bool ImportAnew(const uint8_t* key, Remembered* place);
  Remembered* PlaceOf(const uint8_t* key) const;

  Owned<EC_GROUP, EC_GROUP_free> group_;
  /// n, the order, and what multiplying modulo n needs. Belongs to group_.
  const BIGNUM* order_ = nullptr;
  /// p. Belongs to group_.
  const BIGNUM* field_ = nullptr;
  Owned<BN_MONT_CTX, BN_MONT_CTX_free> modulo_order_;
  Owned<EC_POINT, EC_POINT_free> point_;
  Owned<EC_POINT, EC_POINT_free> sum_;
  Owned<EVP_MD, EVP_MD_free> sha256_;
  Owned<EVP_MD_CTX, EVP_MD_CTX_free> hashing_;
  Owned<BN_CTX, BN_CTX_free> numbers_;
  /// s of each check of a call; after InvertAll, 1/s times Montgomery's R.
  std::array<Number, kTogether> s_;
  std::array<Number, kTogether> products_;
  Number r_;
  Number digest_;
  Number x_;
  Number spare_;
  /// What point_ holds. All zero, which is no point, where it holds none.
  std::array<uint8_t, kCompressed> imported_{};
  std::unique_ptr<Remembered[]> remembered_;
  size_t remembered_size_ = 0;
};
