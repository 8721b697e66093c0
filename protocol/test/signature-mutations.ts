/**
 * A good signature and what an attacker makes of it, as a list that two verifiers can be asked about: every edge that
 * ECDSA over P-256 has, and changes drawn by a number.
 */
import type { SignatureCheck } from '../adapters/verify-many.ts';
import { newKey } from './world.ts';

/** Of P-256: n, and p. */
export const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
export const PRIME = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn;

export function toBytes(value: bigint, length = 32): Uint8Array {
  return Uint8Array.from({ length }, (_, n) => Number((value >> BigInt(8 * (length - 1 - n))) & 255n));
}

export function toNumber(bytes: Uint8Array): bigint {
  return bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}

export function goodCheck(length = 40): SignatureCheck {
  const key = newKey();
  const data = crypto.getRandomValues(new Uint8Array(length));
  return { publicKey: key.publicKey, data, signature: key.sign(data) };
}

/** Each of r and s at its edges, every wrong length, points that are none. */
export function edgesOf(good: SignatureCheck): readonly SignatureCheck[] {
  const { publicKey, signature } = good;
  const [r, s] = [toNumber(signature.subarray(0, 32)), toNumber(signature.subarray(32))];
  const scalars = [0n, 1n, ORDER - 1n, ORDER, ORDER + 1n, PRIME, 2n ** 256n - 1n];
  const pairs: readonly (readonly [bigint, bigint])[] = [
    ...scalars.flatMap((value): [bigint, bigint][] => [
      [value, s],
      [r, value],
      [value, value],
    ]),
    [ORDER - r, s],
    // The other signature of the same data: good, by ECDSA's own mathematics.
    [r, ORDER - s],
    [s, r],
    ...(r + ORDER < 2n ** 256n ? [[r + ORDER, s] as const] : []),
  ];
  const x = publicKey.subarray(1);
  const keys = [
    new Uint8Array(0),
    Uint8Array.of(0),
    new Uint8Array(33),
    ...[0, 1, 4, 5, 6, 7, 0x82, 255].map((first) => Uint8Array.of(first, ...x)),
    Uint8Array.of(publicKey[0] === 2 ? 3 : 2, ...x),
    Uint8Array.of(2, ...toBytes(PRIME)),
    Uint8Array.of(2, ...toBytes(PRIME - 1n)),
    Uint8Array.of(3, ...toBytes(2n ** 256n - 1n)),
    ...[0n, 1n, 2n, 3n, 4n, 5n, 6n, 7n].map((value) => Uint8Array.of(2, ...toBytes(value))),
    publicKey.subarray(0, 32),
    Uint8Array.of(...publicKey, 0),
    Uint8Array.of(4, ...x, ...x),
    new Uint8Array(65).fill(4),
  ];
  return [
    ...pairs.map((pair) => ({
      ...good,
      signature: Uint8Array.of(...toBytes(pair[0]), ...toBytes(pair[1])),
    })),
    ...[0, 1, 32, 63, 65, 72, 128].map((length) => ({
      ...good,
      signature: Uint8Array.from({ length }, (_, n) => signature[n] ?? 0),
    })),
    ...keys.map((key) => ({ ...good, publicKey: key })),
    { ...good, data: new Uint8Array(0) },
    { ...good, data: Uint8Array.of(...good.data, 0) },
    good,
  ];
}

/** One bit of one part is another. */
export function withBit(good: SignatureCheck, part: keyof SignatureCheck, bit: number): SignatureCheck {
  const bytes = good[part];
  const at = Math.floor(bit / 8) % bytes.length;
  return { ...good, [part]: bytes.with(at, (bytes[at] ?? 0) ^ (1 << (bit % 8))) };
}
