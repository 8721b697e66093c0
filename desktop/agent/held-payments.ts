/**
 * Refused payments of the open request that a manager could let through: the delivered bytes, in memory, no longer
 * than the request. Owns no rule; whether anything may be offered is the protocol's word.
 */
import { toHex, type OverridableCode } from '@tikiwallet/protocol';

/** What the screen shows a manager before a decision. */
export interface OverrideOffer {
  /** Hex. */
  readonly paymentHash: string;
  readonly maskedPhone: string;
  /** All that would be set aside, in the order of the checks. */
  readonly codes: readonly OverridableCode[];
}

/** Phones at one till at one time; each must hold a genuine allowance to be here at all. */
const MAX_HELD = 4;

export class HeldPayments {
  #requestId: string | null = null;
  readonly #deliveries = new Map<string, Uint8Array>();

  keep(requestId: string, paymentHash: Uint8Array, delivery: Uint8Array): void {
    if (this.#requestId !== requestId) this.#deliveries.clear();
    this.#requestId = requestId;
    const key = toHex(paymentHash);
    this.#deliveries.delete(key);
    if (this.#deliveries.size >= MAX_HELD) {
      const [oldest] = this.#deliveries.keys();
      if (oldest !== undefined) this.#deliveries.delete(oldest);
    }
    this.#deliveries.set(key, delivery);
  }

  take(requestId: string, paymentHash: string): Uint8Array | null {
    return this.#requestId === requestId ? (this.#deliveries.get(paymentHash) ?? null) : null;
  }
}
