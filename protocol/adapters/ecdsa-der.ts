/**
 * ECDSA signatures between the 64 bytes of COSE (r || s) and the DER that OpenSSL takes by default. node:crypto could
 * convert by its `dsaEncoding` option, but a key inside an options object costs it as much as half a verification
 * (two exceptions thrown and caught while it finds out what it was given). Owns the form; knows no key and no curve
 * but the length of P-256's scalars.
 */

const SCALAR_BYTES = 32;
const SEQUENCE = 0x30;
const INTEGER = 0x02;

const LONGEST = 72;

/**
 * @param raw 64 bytes. Any content: whether it is a signature is the verifier's question.
 * @param der at least 72 bytes to write into; the result is a view of them.
 */
export function rawToDer(raw: Uint8Array, der: Uint8Array = new Uint8Array(LONGEST)): Uint8Array {
  const afterR = putInteger(der, 2, raw.subarray(0, SCALAR_BYTES));
  const end = putInteger(der, afterR, raw.subarray(SCALAR_BYTES));
  der[0] = SEQUENCE;
  der[1] = end - 2;
  return der.subarray(0, end);
}

/** The shortest form, as DER has it: no leading zeros, but one where the number would look negative. */
function putInteger(der: Uint8Array, at: number, scalar: Uint8Array): number {
  let first = 0;
  while (first < SCALAR_BYTES - 1 && scalar[first] === 0) first += 1;
  const pad = (scalar[first] ?? 0) >= 0x80 ? 1 : 0;
  const length = SCALAR_BYTES - first + pad;
  der[at] = INTEGER;
  der[at + 1] = length;
  // Where the pad stands something older may stand; where it does not, the next line writes over this.
  der[at + 2] = 0;
  der.set(scalar.subarray(first), at + 2 + pad);
  return at + 2 + length;
}

/** @param der what OpenSSL's signer returned. */
export function derToRaw(der: Uint8Array): Uint8Array {
  const raw = new Uint8Array(2 * SCALAR_BYTES);
  let at = 2;
  for (const end of [SCALAR_BYTES, 2 * SCALAR_BYTES]) {
    const length = der[at + 1] ?? 0;
    const digits = der.subarray(at + 2, at + 2 + length);
    const scalar = length > SCALAR_BYTES ? digits.subarray(length - SCALAR_BYTES) : digits;
    raw.set(scalar, end - scalar.length);
    at += 2 + length;
  }
  return raw;
}
