/**
 * Receipts that stand in for a kiosk that never reports: when a paid payment has not settled for a day, or its kiosk
 * is lost, or its load is on its way back, this phone hands request, payment and receipt to the cloud by itself.
 *
 * Owns: when a receipt is due and that each is handed in until it is answered. Never: asks the person, or signs.
 */
import { toBase64Url } from '@tikiwallet/protocol';
import { ApiError } from '../api/problems.ts';
import type { ClaimBody } from '@tikiwallet/server/contract';
import type { Endpoints } from '../api/endpoints.ts';
import { updatePayment, updateRefund } from '../store/records.ts';
import type { Database, HandedIn, StoredAllowance, StoredPayment, StoredRefund } from '../store/schema.ts';

/**
 * A kiosk with internet reports within minutes and most shops see internet once a day; the money of the others is set
 * aside for days longer (the claim window after the allowance's end), so a day is early enough for every shop.
 */
export const HAND_IN_AFTER_SECONDS = 24 * 3600;
/** In one round, so that a phone that was away for long does not stand in the way of the next synchronisation. */
const ROUND = 20;

export interface HandInFacts {
  readonly nowSeconds: number;
  readonly allowances: readonly StoredAllowance[];
  /** Ids of kiosks on the deny list. */
  readonly deniedKiosks: ReadonlySet<string>;
}

/** Is what this refund's kiosk gave back to be handed in now? Its sale goes along, which counts once however it comes. Pure. */
export function isRefundDue(refund: StoredRefund, facts: HandInFacts): boolean {
  if (refund.state !== 'refunded' || refund.handedIn !== null) return false;
  const isOld = facts.nowSeconds - (refund.refundedAt ?? refund.signedAt) >= HAND_IN_AFTER_SECONDS;
  return isOld || facts.deniedKiosks.has(refund.kioskId);
}

/** Is this payment's receipt to be handed in now? Pure. */
export function isDueForHandIn(payment: StoredPayment, facts: HandInFacts): boolean {
  if (payment.state !== 'paid' || payment.handedIn !== null) return false;
  if (payment.receipt === null || payment.request === null) return false;
  const allowance = facts.allowances.find((one) => one.id === payment.allowanceId);
  if (allowance === undefined || allowance.cloudStatus === 'closed') return false;
  // Its rest returns to the person only when every payment has been reported.
  const isReturning =
    allowance.state === 'closing' ||
    (allowance.cloudStatus !== null && allowance.cloudStatus !== 'active') ||
    facts.nowSeconds >= allowance.notAfter;
  const isOld = facts.nowSeconds - (payment.acceptedAt ?? payment.signedAt) >= HAND_IN_AFTER_SECONDS;
  const isKioskLost = payment.kioskId !== null && facts.deniedKiosks.has(payment.kioskId);
  return isReturning || isOld || isKioskLost;
}

export interface HandInNeeds {
  readonly database: Database;
  readonly nowMs: () => number;
  readonly api: Pick<Endpoints, 'claim'>;
}

/**
 * Hands in what is due, oldest first, and writes down each answer. Without an answer nothing is written: the same
 * bytes go again at the next synchronisation, and count once.
 * @throws ApiError when the cloud could not decide: no connection, no session, too many at once
 */
export async function handInReceipts(
  payments: readonly StoredPayment[],
  facts: HandInFacts,
  needs: HandInNeeds,
): Promise<void> {
  const due = payments
    .filter((payment) => isDueForHandIn(payment, facts))
    .toSorted((a, b) => a.signedAt - b.signedAt)
    .slice(0, ROUND);
  for (const payment of due) {
    const allowance = facts.allowances.find((one) => one.id === payment.allowanceId);
    if (allowance === undefined) continue;
    const state = await handIn(payment, allowance, needs.api);
    const handedIn: HandedIn = { state, atMs: needs.nowMs() };
    await updatePayment(needs.database, payment.id, () =>
      state === 'paid' ? { handedIn, state: 'settled' } : { handedIn },
    );
  }
}

/** The claim of a sale; null without the halves that it needs. */
function claimOf(payment: StoredPayment, allowance: StoredAllowance): ClaimBody | null {
  const { receipt, request } = payment;
  if (receipt === null || request === null) return null;
  return {
    receipt: toBase64Url(receipt),
    request: toBase64Url(request),
    payment: toBase64Url(payment.payment),
    kioskCertificate: toBase64Url(payment.kioskCertificate),
    allowanceCertificate: toBase64Url(allowance.certificate),
  };
}

async function handIn(
  payment: StoredPayment,
  allowance: StoredAllowance,
  api: HandInNeeds['api'],
): Promise<HandedIn['state']> {
  const claim = claimOf(payment, allowance);
  if (claim === null) return 'invalid';
  try {
    return (await api.claim(claim)).state;
  } catch (error) {
    if (error instanceof ApiError && error.code === 'claim_invalid') return 'invalid';
    throw error;
  }
}

/**
 * After {@link handInReceipts}: a refund counts after its sale.
 * @throws ApiError when the cloud could not decide
 */
export async function handInRefunds(
  refunds: readonly StoredRefund[],
  payments: readonly StoredPayment[],
  facts: HandInFacts,
  needs: HandInNeeds,
): Promise<void> {
  const due = refunds.filter((refund) => isRefundDue(refund, facts));
  // Before the round is cut: those without a claim stay due for ever, and must not stand before those with one.
  const claimed = due.flatMap((refund) => {
    const payment = payments.find((one) => one.id === refund.paymentId);
    const allowance = facts.allowances.find((one) => one.id === refund.allowanceId);
    const sale = payment === undefined || allowance === undefined ? null : claimOf(payment, allowance);
    // Without the sale's receipt only the kiosk itself can bring it.
    if (sale === null || refund.receipt === null) return [];
    return [{ refund, claim: { ...sale, refund: claimOfRefund(refund, refund.receipt) } }];
  });
  for (const { refund, claim } of claimed.slice(0, ROUND)) {
    const answer = await handInRefund(claim, needs.api);
    const handedIn = { ...answer, atMs: needs.nowMs() };
    await updateRefund(needs.database, refund.id, () =>
      answer.state === 'refused' ? { handedIn } : { handedIn, state: answer.state },
    );
  }
}

function claimOfRefund(refund: StoredRefund, receipt: Uint8Array) {
  return {
    kioskCertificate: toBase64Url(refund.kioskCertificate),
    offer: toBase64Url(refund.offer),
    acceptance: toBase64Url(refund.acceptance),
    receipt: toBase64Url(receipt),
  };
}

async function handInRefund(
  claim: ClaimBody,
  api: HandInNeeds['api'],
): Promise<Pick<NonNullable<StoredRefund['handedIn']>, 'state' | 'code'>> {
  try {
    const { refund } = await api.claim(claim);
    return refund ?? { state: 'refused', code: 'claim_invalid' };
  } catch (error) {
    if (error instanceof ApiError && error.code === 'claim_invalid')
      return { state: 'refused', code: error.code };
    throw error;
  }
}
