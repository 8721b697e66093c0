/**
 * Signatures whose verification passes where ECDSA's equation is special, made from its algebra: the two products are one point, or
 * cancel each other, or their sum's x lies between n and p. Slow and leaky arithmetic, for tests alone.
 */
import { createHash } from 'node:crypto';
import type { SignatureCheck } from '../adapters/verify-many.ts';
import { ORDER, PRIME, toBytes, toNumber } from './signature-mutations.ts';

interface Point {
  readonly x: bigint;
  readonly y: bigint;
}

const BASE: Point = {
  x: 0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296n,
  y: 0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5n,
};
const B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;

const modulo = (value: bigint, by: bigint) => ((value % by) + by) % by;

function power(base: bigint, exponent: bigint, by: bigint): bigint {
  let result = 1n;
  for (
    let [square, rest] = [modulo(base, by), exponent];
    rest > 0n;
    rest >>= 1n, square = (square * square) % by
  )
    if (rest & 1n) result = (result * square) % by;
  return result;
}

const inverse = (value: bigint, by: bigint) => power(value, by - 2n, by);

/** Never of a point and its mirror. */
function add(a: Point | null, b: Point): Point {
  if (a === null) return b;
  const slope =
    a.x === b.x
      ? (3n * a.x * a.x - 3n) * inverse(2n * a.y, PRIME)
      : (b.y - a.y) * inverse(modulo(b.x - a.x, PRIME), PRIME);
  const x = modulo(slope * slope - a.x - b.x, PRIME);
  return { x, y: modulo(slope * (a.x - x) - a.y, PRIME) };
}

function times(scalar: bigint, point: Point): Point {
  let [sum, double]: [Point | null, Point] = [null, point];
  for (let rest = modulo(scalar, ORDER); rest > 0n; rest >>= 1n, double = add(double, double))
    if (rest & 1n) sum = add(sum, double);
  if (sum === null) throw new Error('infinity has no coordinates');
  return sum;
}

/** The point whose x is the first from `x` on that has one. */
function pointFrom(x: bigint): Point {
  const square = modulo(x ** 3n - 3n * x + B, PRIME);
  const y = power(square, (PRIME + 1n) / 4n, PRIME);
  return (y * y) % PRIME === square ? { x, y } : pointFrom(x + 1n);
}

const over = (dividend: bigint, divisor: bigint) =>
  modulo(dividend * inverse(modulo(divisor, ORDER), ORDER), ORDER);

export interface CraftedChecks {
  readonly good: readonly SignatureCheck[];
  readonly bad: readonly SignatureCheck[];
}

export function craftedChecks(data: Uint8Array): CraftedChecks {
  const e = toNumber(createHash('sha256').update(data).digest());
  const check = (key: Point, r: bigint, s: bigint): SignatureCheck => ({
    publicKey: Uint8Array.of(key.y & 1n ? 3 : 2, ...toBytes(key.x)),
    data,
    signature: Uint8Array.of(...toBytes(modulo(r, ORDER)), ...toBytes(modulo(s, ORDER))),
  });
  const nonce = 0x1234_5678_9abc_def0n;
  const { x } = times(nonce, BASE);
  const ownKey = times(over(e, x), BASE);
  const high = pointFrom(ORDER);
  const s = 77n;
  const minusE = times(ORDER - modulo(e, ORDER), BASE);
  const highKey = times(over(1n, high.x - ORDER), add(times(s, high), minusE));
  return {
    good: [
      // (e/s) G and (r/s) Q are the same point: their sum is a doubling.
      check(ownKey, x, over(2n * e, nonce)),
      // The sum's x is r + n.
      check(highKey, high.x - ORDER, s),
    ],
    bad: [
      // They are each other's mirror: their sum has no x.
      ...[1n, x, ORDER - 1n].map((r) => check(times(over(-e, r), BASE), r, 99n)),
      check(highKey, high.x - ORDER + 1n, s),
    ],
  };
}
