/**
 * Refused payments of open requests that a manager could let through: the delivered bytes, in memory, no longer
 * than their request. Owns no rule; whether anything may be offered is the protocol's word.
 */
import { MAX_OPEN_REQUESTS, toHex, type OverridableCode } from '@tikiwallet/protocol';

/** What the screen shows a manager before a decision. */
export interface OverrideOffer {
  /** Hex. */
  readonly paymentHash: string;
  readonly maskedPhone: string;
  /** All that would be set aside, in the order of the checks. */
  readonly codes: readonly OverridableCode[];
}

/** Phones that try one request at one time; each must hold a genuine allowance to be here at all. */
const MAX_HELD = 4;

export class HeldPayments {
  /** By request, the one that was last tried last. */
  readonly #requests = new Map<string, Map<string, Uint8Array>>();

  keep(requestId: string, paymentHash: Uint8Array, delivery: Uint8Array): void {
    const deliveries = this.#requests.get(requestId) ?? new Map<string, Uint8Array>();
    putLast(this.#requests, { key: requestId, value: deliveries, most: MAX_OPEN_REQUESTS });
    // A copy: the delivery is a part of everything that came in with it.
    const value = new Uint8Array(delivery);
    putLast(deliveries, { key: toHex(paymentHash), value, most: MAX_HELD });
  }

  take(requestId: string, paymentHash: string): Uint8Array | null {
    return this.#requests.get(requestId)?.get(paymentHash) ?? null;
  }
}

function putLast<T>(
  map: Map<string, T>,
  { key, value, most }: { readonly key: string; readonly value: T; readonly most: number },
): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (oldest !== undefined && map.size > most) map.delete(oldest);
}
