// Linked before OpenSSL by `--wrap`: the call of these whose turn TIKI_FAILS_AT names fails as it does where memory is short.

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include <cstdio>
#include <cstdlib>

namespace {

/// Counts down where the program sees it, so that it knows whether there were as many calls.
bool Fails() {
  const char* const left = std::getenv("TIKI_FAILS_AT");
  const int calls = left == nullptr ? 0 : std::atoi(left);
  if (calls <= 0) return false;
  char less[16];
  std::snprintf(less, sizeof less, "%d", calls - 1);
  setenv("TIKI_FAILS_AT", less, 1);
  if (calls == 1) ERR_raise(ERR_LIB_CRYPTO, ERR_R_MALLOC_FAILURE);
  return calls == 1;
}

}  // namespace

#define WRAP(type, name, declared, passed)   \
  extern "C" type __real_##name declared;    \
  extern "C" type __wrap_##name declared {   \
    return Fails() ? type{} : __real_##name passed; \
  }

using Found = BIGNUM*;

WRAP(int, BN_set_word, (BIGNUM * a, BN_ULONG w), (a, w))
WRAP(Found, BN_bin2bn, (const unsigned char* s, int size, BIGNUM* a), (s, size, a))
WRAP(Found, BN_copy, (BIGNUM * to, const BIGNUM* from), (to, from))
WRAP(Found, BN_mod_inverse, (BIGNUM * r, const BIGNUM* a, const BIGNUM* n, BN_CTX* c), (r, a, n, c))
WRAP(int, BN_mod_mul_montgomery, (BIGNUM * r, const BIGNUM* a, const BIGNUM* b, BN_MONT_CTX* m, BN_CTX* c), (r, a, b, m, c))
WRAP(int, BN_to_montgomery, (BIGNUM * r, const BIGNUM* a, BN_MONT_CTX* m, BN_CTX* c), (r, a, m, c))
WRAP(int, BN_mod_sqr, (BIGNUM * r, const BIGNUM* a, const BIGNUM* m, BN_CTX* c), (r, a, m, c))
WRAP(int, BN_mod_mul, (BIGNUM * r, const BIGNUM* a, const BIGNUM* b, const BIGNUM* m, BN_CTX* c), (r, a, b, m, c))
WRAP(int, BN_uadd, (BIGNUM * r, const BIGNUM* a, const BIGNUM* b), (r, a, b))
WRAP(int, EVP_DigestInit_ex2, (EVP_MD_CTX * h, const EVP_MD* md, const OSSL_PARAM* p), (h, md, p))
WRAP(int, EC_POINT_oct2point, (const EC_GROUP* g, EC_POINT* p, const unsigned char* b, size_t size, BN_CTX* c), (g, p, b, size, c))
WRAP(size_t, EC_POINT_point2oct,
     (const EC_GROUP* g, const EC_POINT* p, point_conversion_form_t f, unsigned char* b, size_t size, BN_CTX* c),
     (g, p, f, b, size, c))
WRAP(int, EC_POINT_mul,
     (const EC_GROUP* g, EC_POINT* r, const BIGNUM* n, const EC_POINT* q, const BIGNUM* m, BN_CTX* c), (g, r, n, q, m, c))
WRAP(int, EC_POINT_get_Jprojective_coordinates_GFp,
     (const EC_GROUP* g, const EC_POINT* p, BIGNUM* x, BIGNUM* y, BIGNUM* z, BN_CTX* c), (g, p, x, y, z, c))
