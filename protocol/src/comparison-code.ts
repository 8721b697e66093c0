/**
 * Digits that two people compare on their two screens. Before the payment they come from the request, after it from
 * the request and the payment together. They find mix-ups; what they do not stop is on page 03.
 */
import { encodeCbor } from './cbor.ts';
import { digest, type Steps } from './crypto.ts';

/** Four digits from the request alone: two people notice when they look at different requests. */
export function comparisonCode(requestHash: Uint8Array): string {
  return digitsOf(requestHash, 4);
}

/** Six digits from the request and the payment that was accepted for it: shown beside "paid" on both screens. */
export function* paidCode(requestHash: Uint8Array, paymentHash: Uint8Array): Steps<string> {
  return digitsOf(yield* digest(encodeCbor(['tiki-paid', requestHash, paymentHash])), 6);
}

/** The first four bytes as a number, its last `count` decimal digits. */
function digitsOf(hash: Uint8Array, count: number): string {
  const head = hash.subarray(0, 4).reduce((value, byte) => value * 256 + byte, 0);
  return (head % 10 ** count).toString().padStart(count, '0');
}
