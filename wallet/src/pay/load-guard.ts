/**
 * Which key a new load is certified for. Small change lies open like coins in a pocket; everything above the limit, and
 * small change on top of small change, is behind the PIN. So what can be signed without it is bounded by keys, and
 * not by a screen. Pure.
 */
import type { Intent, KeyGuard, StoredAllowance } from '../store/schema.ts';
import { isSpendable, remainingMinor } from './allowance-choice.ts';

export interface LoadOrder {
  readonly amountMinor: bigint;
  /** What may be paid without a PIN, in all. */
  readonly limitMinor: bigint;
  readonly nowSeconds: number;
}

export function guardOf(
  order: LoadOrder,
  allowances: readonly StoredAllowance[],
  intents: readonly Intent[],
): KeyGuard {
  const loaded = allowances
    .filter((one) => one.guard !== 'pin' && isSpendable(one, order.nowSeconds))
    .reduce((sum, one) => sum + remainingMinor(one), 0n);
  // A load whose answer was lost may still arrive.
  const underWay = intents
    .filter((one) => one.kind === 'load' && one.guard !== 'pin')
    .reduce((sum, one) => sum + BigInt(one.amountMinor), 0n);
  return loaded + underWay + order.amountMinor <= order.limitMinor ? 'open' : 'pin';
}
