#include "verifier.h"

#include <openssl/err.h>
#include <openssl/obj_mac.h>

#include <cstring>
#include <new>
#include <utility>

// Low-level EC, which OpenSSL 3 calls deprecated in favour of EVP in part: making an EVP_PKEY of a point costs as much again as
// reading the point, a third of a verification. Node exports it, and it is the same arithmetic.

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
  order_ = EC_GROUP_get0_order(group_.get());
  field_ = EC_GROUP_get0_field(group_.get());
  point_.reset(EC_POINT_new(group_.get()));
  sum_.reset(EC_POINT_new(group_.get()));
  sha256_.reset(EVP_MD_fetch(nullptr, "SHA256", nullptr));
  hashing_.reset(EVP_MD_CTX_new());
  numbers_.reset(BN_CTX_new());
  modulo_order_.reset(BN_MONT_CTX_new());
  if (!order_ || !field_ || !point_ || !sum_ || !sha256_ || !hashing_ || !numbers_ || !modulo_order_) return false;
  if (BN_MONT_CTX_set(modulo_order_.get(), order_, numbers_.get()) != 1) return false;
  for (Number* number : {&r_, &digest_, &x_, &spare_}) {
    number->reset(BN_new());
    if (*number == nullptr) return false;
  }
  for (size_t n = 0; n < kTogether; n += 1) {
    s_[n].reset(BN_new());
    products_[n].reset(BN_new());
    if (s_[n] == nullptr || products_[n] == nullptr) return false;
  }
  if (remembered > 0) remembered_.reset(new (std::nothrow) Remembered[remembered]());
  remembered_size_ = remembered;
  return remembered == 0 || remembered_ != nullptr;
}

void Verifier::Verify(const Check* checks, size_t count, uint8_t* verdicts) {
  if (count > kTogether) count = 0;
  for (size_t n = 0; n < count; n += 1) {
    const auto& [key, data, signature] = checks[n];
    // Of a point, the other forms, infinity among them, begin otherwise.
    const bool is_formed = key.size == kCompressed && (key.data[0] == 2 || key.data[0] == 3) &&
                           signature.size == 2 * kScalar && IsScalar(signature.data) &&
                           IsScalar(signature.data + kScalar) &&
                           BN_bin2bn(signature.data + kScalar, kScalar, s_[n].get()) != nullptr;
    // A one stands in for the s of what is refused already: it leaves the product of all as it is.
    if (!is_formed && BN_one(s_[n].get()) != 1) count = 0;
    verdicts[n] = is_formed ? 1 : 0;
  }
  const bool are_inverted = count > 0 && InvertAll(count);
  for (size_t n = 0; n < count; n += 1)
    verdicts[n] = are_inverted && verdicts[n] == 1 && Holds(checks[n], s_[n].get()) ? 1 : 0;
}

/// One inversion and three products a number instead of an inversion each (Montgomery's trick). Products of `count` numbers come
/// with as many powers of 1/R less one; the same powers fall away again on the way back.
bool Verifier::InvertAll(size_t count) {
  BN_MONT_CTX* modulo = modulo_order_.get();
  BN_CTX* numbers = numbers_.get();
  BIGNUM* all = spare_.get();
  if (BN_copy(all, s_[0].get()) == nullptr) return false;
  for (size_t n = 1; n < count; n += 1) {
    if (BN_copy(products_[n].get(), all) == nullptr) return false;
    if (BN_mod_mul_montgomery(all, all, s_[n].get(), modulo, numbers) != 1) return false;
  }
  if (BN_mod_inverse(all, all, order_, numbers) == nullptr) return false;
  if (BN_to_montgomery(all, all, modulo, numbers) != 1) return false;
  for (size_t n = count - 1; n > 0; n -= 1) {
    BIGNUM* before = products_[n].get();
    if (BN_mod_mul_montgomery(before, before, all, modulo, numbers) != 1) return false;
    if (BN_mod_mul_montgomery(all, all, s_[n].get(), modulo, numbers) != 1) return false;
    if (BN_copy(s_[n].get(), before) == nullptr) return false;
  }
  return BN_copy(s_[0].get(), all) != nullptr;
}

/// FIPS 186-5, 6.4.2, from step 3: r is the x of (e/s) G + (r/s) Q, modulo n. @param inverse 1/s times R
bool Verifier::Holds(const Check& check, const BIGNUM* inverse) {
  if (!Import(check.key.data)) return false;
  uint8_t digest[EVP_MAX_MD_SIZE];
  unsigned int digest_size = 0;
  const bool is_hashed = EVP_DigestInit_ex2(hashing_.get(), sha256_.get(), nullptr) == 1 &&
                         EVP_DigestUpdate(hashing_.get(), check.data.data, check.data.size) == 1 &&
                         EVP_DigestFinal_ex(hashing_.get(), digest, &digest_size) == 1;
  if (!is_hashed || digest_size != kScalar) return false;
  BIGNUM* e = digest_.get();
  BIGNUM* r = r_.get();
  BIGNUM* u2 = spare_.get();
  if (BN_bin2bn(digest, kScalar, e) == nullptr) return false;
  if (BN_bin2bn(check.signature.data, kScalar, r) == nullptr) return false;
  // Neither is twice n or more.
  if (BN_ucmp(e, order_) >= 0 && BN_usub(e, e, order_) != 1) return false;
  BN_MONT_CTX* modulo = modulo_order_.get();
  BN_CTX* numbers = numbers_.get();
  if (BN_mod_mul_montgomery(u2, r, inverse, modulo, numbers) != 1) return false;
  if (BN_mod_mul_montgomery(e, e, inverse, modulo, numbers) != 1) return false;
  if (EC_POINT_mul(group_.get(), sum_.get(), e, point_.get(), u2, numbers) != 1) return false;
  return HasX(r);
}

/// Whether `r` is the x of sum_ modulo n. As it stands, x is X/Z^2: instead of an inversion, r times Z^2 is held against X, and so is
/// r + n, which is below p for few r.
bool Verifier::HasX(BIGNUM* r) {
  const EC_GROUP* group = group_.get();
  BN_CTX* numbers = numbers_.get();
  BIGNUM* x = x_.get();
  BIGNUM* z = digest_.get();
  BIGNUM* expected = spare_.get();
  if (EC_POINT_is_at_infinity(group, sum_.get()) != 0) return false;
  if (EC_POINT_get_Jprojective_coordinates_GFp(group, sum_.get(), x, nullptr, z, numbers) != 1) return false;
  if (BN_mod_sqr(z, z, field_, numbers) != 1) return false;
  if (BN_mod_mul(expected, r, z, field_, numbers) != 1) return false;
  if (BN_ucmp(expected, x) == 0) return true;
  if (BN_uadd(r, r, order_) != 1 || BN_ucmp(r, field_) >= 0) return false;
  return BN_mod_mul(expected, r, z, field_, numbers) == 1 && BN_ucmp(expected, x) == 0;
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
  if (!is_point) return false;
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
