#include "verifier.h"

#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>

#include <cstring>
#include <new>
#include <utility>

// Low-level EC and ECDSA, which OpenSSL 3 calls deprecated in favour of EVP: making an EVP_PKEY of a point costs as much
// again as reading the point, a third of a verification. Node exports both, and it is the same arithmetic.

namespace {

/// n, the order of P-256, as its scalars come: big-endian.
constexpr uint8_t kOrder[32] = {
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};

/// From 1 to n - 1.
bool IsScalar(const uint8_t* bytes) {
  static constexpr uint8_t kZero[sizeof kOrder] = {};
  return std::memcmp(bytes, kZero, sizeof kZero) != 0 && std::memcmp(bytes, kOrder, sizeof kOrder) < 0;
}

}  // namespace

std::unique_ptr<Verifier> Verifier::Create(size_t remembered) {
  std::unique_ptr<Verifier> made(new (std::nothrow) Verifier);
  if (made == nullptr || remembered > kMaxRemembered || !made->Open(remembered)) made = nullptr;
  ERR_clear_error();
  return made;
}

bool Verifier::Open(size_t remembered) {
  group_.reset(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
  if (group_ == nullptr) return false;
  point_.reset(EC_POINT_new(group_.get()));
  key_.reset(EC_KEY_new());
  signature_.reset(ECDSA_SIG_new());
  sha256_.reset(EVP_MD_fetch(nullptr, "SHA256", nullptr));
  hashing_.reset(EVP_MD_CTX_new());
  numbers_.reset(BN_CTX_new());
  if (!point_ || !key_ || !signature_ || !sha256_ || !hashing_ || !numbers_) return false;
  if (EC_KEY_set_group(key_.get(), group_.get()) != 1) return false;
  Owned<BIGNUM, BN_free> r(BN_new());
  Owned<BIGNUM, BN_free> s(BN_new());
  if (!r || !s || ECDSA_SIG_set0(signature_.get(), r.get(), s.get()) != 1) return false;
  r_ = r.release();
  s_ = s.release();
  if (remembered > 0) remembered_.reset(new (std::nothrow) Remembered[remembered]());
  remembered_size_ = remembered;
  return remembered == 0 || remembered_ != nullptr;
}

bool Verifier::Verify(Bytes key, Bytes data, Bytes signature) {
  if (key.size != kCompressed || signature.size != 2 * kScalar) return false;
  // The other forms of a point, infinity among them, begin otherwise.
  if (key.data[0] != 2 && key.data[0] != 3) return false;
  const uint8_t* r = signature.data;
  const uint8_t* s = signature.data + kScalar;
  if (!IsScalar(r) || !IsScalar(s) || !Import(key.data)) return false;
  uint8_t digest[EVP_MAX_MD_SIZE];
  unsigned int digest_size = 0;
  const bool is_hashed = EVP_DigestInit_ex2(hashing_.get(), sha256_.get(), nullptr) == 1 &&
                         EVP_DigestUpdate(hashing_.get(), data.data, data.size) == 1 &&
                         EVP_DigestFinal_ex(hashing_.get(), digest, &digest_size) == 1;
  if (!is_hashed || digest_size != kScalar) return false;
  if (BN_bin2bn(r, kScalar, r_) == nullptr || BN_bin2bn(s, kScalar, s_) == nullptr) return false;
  return ECDSA_do_verify(digest, kScalar, signature_.get(), key_.get()) == 1;
}

bool Verifier::Import(const uint8_t* key) {
  if (std::memcmp(key, imported_.data(), kCompressed) == 0) return true;
  imported_.fill(0);
  Remembered* place = PlaceOf(key);
  bool is_point;
  if (place != nullptr && std::memcmp(place->key.data(), key, kCompressed) == 0) {
    uint8_t whole[1 + 2 * kScalar] = {4};
    std::memcpy(whole + 1, key + 1, kScalar);
    std::memcpy(whole + 1 + kScalar, place->y.data(), kScalar);
    // It is looked at again whether this is a point of the curve.
    is_point = EC_POINT_oct2point(group_.get(), point_.get(), whole, sizeof whole, numbers_.get()) == 1;
  } else {
    is_point = ImportAnew(key, place);
  }
  if (!is_point || EC_KEY_set_public_key(key_.get(), point_.get()) != 1) return false;
  std::memcpy(imported_.data(), key, kCompressed);
  return true;
}

bool Verifier::ImportAnew(const uint8_t* key, Remembered* place) {
  if (EC_POINT_oct2point(group_.get(), point_.get(), key, kCompressed, numbers_.get()) != 1) return false;
  if (place == nullptr) return true;
  uint8_t whole[1 + 2 * kScalar];
  const size_t size = EC_POINT_point2oct(group_.get(), point_.get(), POINT_CONVERSION_UNCOMPRESSED, whole,
                                         sizeof whole, numbers_.get());
  if (size != sizeof whole) return false;
  std::memcpy(place->key.data(), key, kCompressed);
  std::memcpy(place->y.data(), whole + 1 + kScalar, kScalar);
  return true;
}

/// Each key has one place, by bits of x: who makes keys that share one has them imported anew, and nothing else.
Verifier::Remembered* Verifier::PlaceOf(const uint8_t* key) const {
  if (remembered_size_ == 0) return nullptr;
  uint64_t bits;
  std::memcpy(&bits, key + 1, sizeof bits);
  return &remembered_[bits % remembered_size_];
}

void Verifier::EndCall() {
  imported_.fill(0);
  // What OpenSSL noted of bad input would wait in this thread for whoever asks next what went wrong.
  ERR_clear_error();
}
