/**
 * Double spend: two payments of one allowance that no honest phone can have signed both. Either they share a counter
 * and differ, or the later one does not count the earlier one in its cumulative sum. Every overspend of a cap leaves
 * such a pair: sort by counter; if no pair contradicts, the amounts add up to at most the last cumulative sum, which
 * is at most the cap.
 */
import { equalBytes } from './bytes.ts';
import type { Payment } from './payment.ts';

type Spend = Pick<Payment, 'hash' | 'counter' | 'amountMinor' | 'cumulativeMinor'>;

/** Both payments must be validly signed under the same allowance certificate. */
export function contradicts(a: Spend, b: Spend): boolean {
  if (equalBytes(a.hash, b.hash)) return false;
  if (a.counter === b.counter) return true;
  const [earlier, later] = a.counter < b.counter ? [a, b] : [b, a];
  return later.cumulativeMinor < earlier.cumulativeMinor + later.amountMinor;
}
