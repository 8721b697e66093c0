/**
 * Point compression of P-256 public keys (SEC 1 section 2.3). The wire carries 33 bytes; WebCrypto imports only the
 * 65-byte form in every browser. Works on public values, so its timing reveals nothing.
 */
import { refuse } from './errors.ts';

const P = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn;
const B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;

function modPow(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  let square = base % P;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % P;
    square = (square * square) % P;
  }
  return result;
}

function toBigInt(bytes: Uint8Array): bigint {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return value;
}

function toBytes32(value: bigint): Uint8Array {
  const bytes = new Uint8Array(32);
  let rest = value;
  for (let i = 31; i >= 0; i -= 1) {
    bytes[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return bytes;
}

/** 65-byte uncompressed point to 33 bytes. @throws Refusal `field_out_of_range` for anything else. */
export function compressPoint(uncompressed: Uint8Array): Uint8Array {
  if (uncompressed.length !== 65 || uncompressed[0] !== 4) refuse('field_out_of_range');
  // A copy by constructor: `slice` of a Node Buffer is a view, and writing to it would change the caller's key.
  const compressed = new Uint8Array(uncompressed.subarray(0, 33));
  compressed[0] = 2 + ((uncompressed[64] ?? 0) & 1);
  return compressed;
}

/** 33-byte compressed point to 65 bytes. @throws Refusal `field_out_of_range` when it is not on the curve. */
export function decompressPoint(compressed: Uint8Array): Uint8Array {
  const prefix = compressed[0];
  if (compressed.length !== 33 || (prefix !== 2 && prefix !== 3)) refuse('field_out_of_range');
  const x = toBigInt(compressed.subarray(1));
  if (x >= P) refuse('field_out_of_range');
  const square = (((x * x * x - 3n * x + B) % P) + P) % P;
  const root = modPow(square, (P + 1n) / 4n);
  if ((root * root) % P !== square) refuse('field_out_of_range');
  const y = Number(root & 1n) === prefix - 2 ? root : P - root;
  const point = new Uint8Array(65);
  point[0] = 4;
  point.set(compressed.subarray(1), 1);
  point.set(toBytes32(y), 33);
  return point;
}
