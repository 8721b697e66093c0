/** Which allowance pays, and how much is left: pure. One payment comes out of one allowance. */
import { canPay, isLockedTo, type Payee } from '@tikiwallet/protocol';
import type { StoredAllowance, StoredPayment } from '../store/schema.ts';
import type { ErrorCode } from './codes.ts';

export function remainingMinor(allowance: StoredAllowance): bigint {
  return allowance.capMinor - allowance.cumulativeMinor;
}

export function paymentsMade(allowance: StoredAllowance): number {
  return allowance.lastCounter - allowance.firstCounter + 1;
}

/**
 * Payments that are left in the load that first asks for internet: one whose soft limit is reached (protocol page 02, LCOL).
 * Null while none does.
 */
export function fewPaymentsLeft(spendable: readonly StoredAllowance[]): number | null {
  const asking = spendable.filter((one) => paymentsMade(one) >= one.softCounterLimit);
  if (asking.length === 0) return null;
  return Math.min(...asking.map((one) => one.hardCounterLimit - paymentsMade(one)));
}

/** In one payment. */
function mostAtOnce(allowance: StoredAllowance): bigint {
  const left = remainingMinor(allowance);
  return left < allowance.perPaymentMinor ? left : allowance.perPaymentMinor;
}

/** Can something be paid from it at this moment? */
export function isSpendable(allowance: StoredAllowance, nowSeconds: number): boolean {
  return (
    allowance.state === 'active' &&
    (allowance.cloudStatus === null || allowance.cloudStatus === 'active') &&
    nowSeconds < allowance.notAfter &&
    paymentsMade(allowance) < allowance.hardCounterLimit
  );
}

export interface OfflineFunds {
  /** Can be paid with now. */
  readonly spendableMinor: bigint;
  /** On its way back: closed, expired or frozen. */
  readonly returningMinor: bigint;
  /** Inside what was signed: payments without a receipt. */
  readonly heldMinor: bigint;
  readonly spendable: readonly StoredAllowance[];
  readonly returning: readonly StoredAllowance[];
}

const sum = (amounts: readonly bigint[]): bigint => amounts.reduce((total, amount) => total + amount, 0n);
const largest = (amounts: readonly bigint[]): bigint =>
  amounts.reduce((most, amount) => (amount > most ? amount : most), 0n);

export function offlineFunds(
  allowances: readonly StoredAllowance[],
  payments: readonly StoredPayment[],
  nowSeconds: number,
): OfflineFunds {
  const spendable = allowances.filter((allowance) => isSpendable(allowance, nowSeconds));
  const returning = allowances.filter(
    (allowance) =>
      !isSpendable(allowance, nowSeconds) &&
      allowance.cloudStatus !== 'closed' &&
      remainingMinor(allowance) > 0n,
  );
  const over = new Set(allowances.filter((one) => one.cloudStatus === 'closed').map((one) => one.id));
  const held = payments.filter((payment) => isHeld(payment) && !over.has(payment.allowanceId));
  return {
    spendableMinor: sum(spendable.map(remainingMinor)),
    returningMinor: sum(returning.map(remainingMinor)),
    heldMinor: sum(held.map((payment) => payment.amountMinor)),
    spendable,
    returning,
  };
}

/** Signed, and neither receipted nor settled: the money can be claimed until the allowance is closed. */
export function isHeld(payment: StoredPayment): boolean {
  return payment.state === 'signed' || payment.state === 'unconfirmed' || payment.state === 'refused';
}

/** Refused because the till may not sell: to ask it again can end in nothing else, until it may. */
export function isTillOutOfUse({
  state,
  refusalCode,
}: Pick<StoredPayment, 'state' | 'refusalCode'>): boolean {
  return state === 'refused' && (refusalCode === 'kiosk_denied' || refusalCode === 'kiosk_suspended');
}

/** What a person is told of a payment: one that nobody claimed until its allowance was closed has come back. */
export function shownState(
  payment: StoredPayment,
  allowances: readonly StoredAllowance[],
): StoredPayment['state'] | 'released' {
  if (!isHeld(payment)) return payment.state;
  const allowance = allowances.find((one) => one.id === payment.allowanceId);
  return allowance?.cloudStatus === 'closed' ? 'released' : payment.state;
}

export interface Purchase extends Payee {
  readonly amountMinor: bigint;
  readonly currency: string;
}

export type Choice =
  | { readonly ok: true; readonly allowance: StoredAllowance }
  /** `limitMinor`: what one payment may be, where that is the reason. */
  | { readonly ok: false; readonly code: ErrorCode; readonly limitMinor?: bigint };

const no = (code: ErrorCode): Choice => ({ ok: false, code });

/** Locked to this till first, then to this merchant, then small change that asks for no PIN, then the one that ends soonest. Otherwise the reason that helps the person most. */
export function chooseAllowance(
  allowances: readonly StoredAllowance[],
  purchase: Purchase,
  nowSeconds: number,
): Choice {
  const active = allowances.filter((one) => one.state === 'active');
  const spendable = active.filter((one) => isSpendable(one, nowSeconds));
  if (spendable.length === 0) return no(whyNoneSpendable(active, nowSeconds));
  const inCurrency = spendable.filter((one) => one.currency === purchase.currency);
  if (inCurrency.length === 0) return no('payment_currency_differs_from_request');
  const forShop = inCurrency.filter((one) => canPay(one.payeeLock, purchase));
  if (forShop.length === 0) return no('payment_is_for_another_shop');
  // What is locked cannot be spent elsewhere: it goes first, and so does what the shop is surest of.
  const narrowness = ({ payeeLock }: StoredAllowance) =>
    payeeLock === null ? 0 : isLockedTo(payeeLock, purchase) ? 2 : 1;
  const enough = forShop.filter((one) => remainingMinor(one) >= purchase.amountMinor);
  if (enough.length === 0) {
    if (sum(forShop.map(remainingMinor)) < purchase.amountMinor) return no('offline_money_too_little');
    return { ok: false, code: 'offline_money_split', limitMinor: largest(forShop.map(mostAtOnce)) };
  }
  const [best] = enough
    .filter((one) => one.perPaymentMinor >= purchase.amountMinor)
    .toSorted(
      (a, b) =>
        narrowness(b) - narrowness(a) ||
        Number(a.guard === 'pin') - Number(b.guard === 'pin') ||
        a.notAfter - b.notAfter,
    );
  if (best !== undefined) return { ok: true, allowance: best };
  const limitMinor = largest(enough.map((one) => one.perPaymentMinor));
  return { ok: false, code: 'payment_exceeds_limit', limitMinor };
}

function whyNoneSpendable(active: readonly StoredAllowance[], nowSeconds: number): ErrorCode {
  if (active.some((one) => one.cloudStatus === 'denied')) return 'allowance_denied';
  const current = active.filter((one) => nowSeconds < one.notAfter && remainingMinor(one) > 0n);
  if (current.some((one) => paymentsMade(one) >= one.hardCounterLimit))
    return 'allowance_counter_limit_reached';
  return active.some((one) => remainingMinor(one) > 0n) ? 'offline_money_expired' : 'no_offline_money';
}
