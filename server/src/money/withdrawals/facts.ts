/**
 * What is known of a withdrawal, and what follows from it. Facts only ever come to be known, so every order, repetition
 * and loss of the provider's messages ends in the same place once the last one is known.
 *
 * Pure. Owns: the state a person sees, the ledger transfers that must stand, the next thing to do.
 */
import type { WithdrawalState } from '../../db/schema/money.ts';

/** Something that the provider said, or that it refused definitely. */
export type WithdrawalFact =
  | {
      readonly type: 'transferred';
      readonly transferId: string;
      readonly accountId: string;
      readonly amountMinor: bigint;
      readonly currency: string;
    }
  | { readonly type: 'transfer_reversed'; readonly transferId: string }
  | { readonly type: 'transfer_refused'; readonly reason: string }
  | {
      readonly type: 'paying' | 'paid';
      readonly payoutId: string;
      readonly accountId: string;
      readonly amountMinor: bigint;
    }
  | {
      readonly type: 'payout_failed';
      readonly payoutId: string;
      readonly accountId: string;
      readonly amountMinor: bigint;
      readonly reason: string;
    }
  | { readonly type: 'payout_refused'; readonly reason: string };

/** The columns of `withdrawals` that hold facts. */
export interface Facts {
  readonly transferId: string | null;
  readonly transferRefused: string | null;
  readonly isReversed: boolean;
  readonly payoutId: string | null;
  readonly payoutRefused: string | null;
  readonly isPaid: boolean;
  readonly payoutFailed: string | null;
  /** The money is in the pocket again. */
  readonly isReturned: boolean;
}

export const NO_FACTS: Facts = {
  transferId: null,
  transferRefused: null,
  isReversed: false,
  payoutId: null,
  payoutRefused: null,
  isPaid: false,
  payoutFailed: null,
  isReturned: false,
};

/** The facts with one more; the same object when it is nothing new; null when it contradicts what has been booked. */
export function withFact(facts: Facts, fact: WithdrawalFact): Facts | null {
  switch (fact.type) {
    case 'transferred':
      if (facts.transferId === null) return { ...facts, transferId: fact.transferId };
      return facts.transferId === fact.transferId ? facts : null;
    case 'transfer_reversed':
      if (facts.transferId !== null && facts.transferId !== fact.transferId) return null;
      if (facts.isReversed) return facts;
      return returned({ ...facts, transferId: fact.transferId, isReversed: true });
    case 'transfer_refused':
      if (facts.transferId !== null || facts.isReturned) return facts;
      return { ...facts, transferRefused: fact.reason, isReturned: true };
    case 'payout_refused':
      return facts.payoutId !== null || facts.payoutRefused !== null
        ? facts
        : { ...facts, payoutRefused: fact.reason };
    case 'paying':
      if (facts.payoutId === null) return { ...facts, payoutId: fact.payoutId };
      return facts.payoutId === fact.payoutId ? facts : null;
    case 'paid':
      if (facts.payoutId !== null && facts.payoutId !== fact.payoutId) return null;
      // A bank sends money back after it took it, never the other way round: failure is the later word.
      if (facts.isPaid || facts.payoutFailed !== null)
        return facts.payoutId === null ? { ...facts, payoutId: fact.payoutId } : facts;
      return facts.isReturned ? null : { ...facts, payoutId: fact.payoutId, isPaid: true };
    case 'payout_failed':
      if (facts.payoutId !== null && facts.payoutId !== fact.payoutId) return null;
      if (facts.payoutFailed !== null) return facts;
      return returned({ ...facts, payoutId: fact.payoutId, payoutFailed: fact.reason });
  }
}

/** What came back to us goes back to the person, unless the bank has it. */
function returned(facts: Facts): Facts {
  return facts.isReversed && !isAtBank(facts) ? { ...facts, isReturned: true } : facts;
}

function isAtBank(facts: Facts): boolean {
  return facts.isPaid && facts.payoutFailed === null;
}

export function stateOf(facts: Facts): Exclude<WithdrawalState, 'awaiting_code'> {
  if (facts.isReturned) return 'returned';
  if (isAtBank(facts)) return 'paid';
  if (facts.payoutFailed !== null || facts.payoutRefused !== null) return 'returning';
  if (facts.payoutId !== null) return 'paying';
  return facts.transferId === null ? 'requested' : 'sent';
}

export const BOOKINGS = ['sent', 'recalled', 'paid', 'unpaid', 'returned'] as const;
/** A ledger transfer of a withdrawal beside the first one; each is posted once at most. */
export type Booking = (typeof BOOKINGS)[number];

/** What must be posted because `after` is known and only `before` was. */
export function bookingsBetween(before: Facts, after: Facts): Booking[] {
  const stands = (facts: Facts): Record<Booking, boolean> => ({
    sent: facts.transferId !== null,
    recalled: facts.isReversed,
    paid: facts.isPaid,
    unpaid: facts.isPaid && facts.payoutFailed !== null,
    returned: facts.isReturned,
  });
  const [was, is] = [stands(before), stands(after)];
  return BOOKINGS.filter((booking) => is[booking] && !was[booking]);
}

export type Step = 'transfer' | 'pay_out' | 'recall' | 'look';

/** What is to be done at the provider; null when it is over. */
export function nextStep(facts: Facts): Step | null {
  // Also when a payment is known and its transfer is not: somebody must find it.
  if (facts.transferId === null) return facts.isReturned ? null : 'transfer';
  if (facts.isReversed) return null;
  if (isAtBank(facts)) return 'look';
  if (facts.isReturned || facts.payoutFailed !== null || facts.payoutRefused !== null) return 'recall';
  return facts.payoutId === null ? 'pay_out' : 'look';
}
