/**
 * May this be given back? The decisions of the three parties about one refund, pure: facts in, a value or a closed
 * code out. Only this file makes a {@link VerifiedRefund}. A refund never touches counter or sum of an allowance.
 */
import { equalBytes } from './bytes.ts';
import type { AllowanceCertificate, KioskCertificate } from './certificates.ts';
import type { Steps } from './crypto.ts';
import { refuse } from './errors.ts';
import type { RefundBody } from './journal.ts';
import { CLOCK_TOLERANCE_SECONDS } from './limits.ts';
import {
  readRefundAcceptance,
  signedRefundAcceptance,
  type RefundAcceptance,
  type UnverifiedRefundAcceptance,
} from './refund-acceptance.ts';
import { verifyRefundOffer, type RefundKind, type RefundOffer } from './refund-offer.ts';

/** What is asked of a sale, and what the sale can still give. */
export interface RefundAsked {
  readonly kind: RefundKind;
  readonly amountMinor: bigint;
}
export interface RefundableSale {
  readonly amountMinor: bigint;
  /** Given back so far, by whoever asks: the kiosk its own, the phone its receipts, the cloud everything. */
  readonly refundedMinor: bigint;
}

/** A void is the whole of an untouched sale; no refund goes beyond what is left. @throws Refusal */
export function checkRefundAmount(asked: RefundAsked, sale: RefundableSale): void {
  if (asked.amountMinor > sale.amountMinor - sale.refundedMinor) refuse('refund_exceeds_sale');
  if (asked.kind === 'void' && asked.amountMinor !== sale.amountMinor) refuse('void_is_not_whole');
}

/** What the kiosk knows when an acceptance arrives, read in the transaction that would store the refund. */
export interface RefundFacts {
  /** The offer that the acceptance names, if this kiosk made it. */
  readonly offer: RefundOffer | null;
  /** By the monotonic clock; an offer that became a refund is answered with its receipt before this is asked. */
  readonly offerState: 'open' | 'expired' | 'cancelled';
  /** Under which the sale was paid. */
  readonly allowance: AllowanceCertificate | null;
  readonly sale: RefundableSale & { readonly isRefused: boolean };
}

declare const verifiedRefundBrand: unique symbol;
/** A refund that both sides signed and the sale can bear. The store takes nothing else. */
export interface VerifiedRefund {
  readonly [verifiedRefundBrand]: true;
  readonly offer: RefundOffer;
  readonly acceptance: RefundAcceptance;
  readonly allowanceCertificateHash: Uint8Array;
  /** Given back of the sale so far, this refund included. */
  readonly refundedMinor: bigint;
}

/** The kiosk's decision on an acceptance. A repeat of a stored refund must have been answered before this is asked. */
export function* verifyRefund(read: UnverifiedRefundAcceptance, facts: RefundFacts): Steps<VerifiedRefund> {
  const { offer, allowance, sale } = facts;
  if (offer === null || allowance === null || !equalBytes(offer.hash, read.offerHash))
    refuse('refund_not_open');
  if (facts.offerState === 'expired') refuse('refund_offer_expired');
  if (facts.offerState !== 'open') refuse('refund_not_open');
  if (sale.isRefused) refuse('refund_of_unpaid_sale');
  // Now and not when it was offered: two offers that were open at once must not both count.
  checkRefundAmount(offer, sale);
  const acceptance = yield* signedRefundAcceptance(read, allowance);
  if (acceptance === null) refuse('refund_acceptance_signature_invalid');
  const refund: Omit<VerifiedRefund, typeof verifiedRefundBrand> = {
    offer,
    acceptance,
    allowanceCertificateHash: allowance.hash,
    refundedMinor: sale.refundedMinor + offer.amountMinor,
  };
  return refund as VerifiedRefund;
}

/** What the phone knows of the payment that an offer names. */
export interface PaidSale extends RefundableSale {
  readonly paymentHash: Uint8Array;
  /** Of the certificate under which the request was signed. */
  readonly kioskId: string;
  /** Of the payment's receipt; null when none arrived. */
  readonly sequence: number | null;
}

/**
 * The phone's decision before it asks the person and signs: this phone's payment, the kiosk that was paid, an amount
 * that the payment can bear. A missing receipt is no reason against: the offer itself says that the payment is stored.
 * @throws Refusal
 */
export function checkRefundOffer(
  offer: RefundOffer,
  facts: {
    /** The certificate of the envelope. */
    readonly kiosk: KioskCertificate;
    readonly payment: PaidSale | null;
    readonly nowSeconds: number;
  },
): void {
  const { kiosk, payment, nowSeconds } = facts;
  if (payment === null || !equalBytes(payment.paymentHash, offer.paymentHash))
    refuse('refund_is_for_another_payment');
  if (payment.kioskId !== kiosk.kioskId) refuse('refund_is_for_another_kiosk');
  if (payment.sequence !== null && payment.sequence !== offer.sequence)
    refuse('refund_is_for_another_payment');
  // The kiosk measures the life of its offer; here the clocks of two devices meet.
  if (nowSeconds > offer.issuedAt + offer.ttlSeconds + CLOCK_TOLERANCE_SECONDS)
    refuse('refund_offer_expired');
  checkRefundAmount(offer, payment);
}

/** A journal entry of kind void or refund, both signatures checked; the sale is {@link checkSettledRefund}'s question. */
export interface SignedRefund {
  readonly offer: RefundOffer;
  readonly acceptance: RefundAcceptance;
  readonly refundedMinor: bigint;
}

/** The cloud's check of what stands in one entry: it believes the kiosk nothing that a signature does not say. */
export function* verifyRefundEntry(
  entry: { readonly kind: RefundKind; readonly body: RefundBody },
  facts: { readonly kiosk: KioskCertificate; readonly allowance: AllowanceCertificate },
): Steps<SignedRefund> {
  const { kind, body } = entry;
  const offer = yield* verifyRefundOffer(body.offer, facts.kiosk);
  const read = readRefundAcceptance(body.acceptance);
  if (!equalBytes(read.offerHash, offer.hash)) refuse('refund_acceptance_is_for_another_offer');
  if (kind !== offer.kind || body.refundedMinor < offer.amountMinor) refuse('refund_entry_inconsistent');
  const acceptance = yield* signedRefundAcceptance(read, facts.allowance);
  if (acceptance === null) refuse('refund_acceptance_signature_invalid');
  // Only the end, as for a sale: the clock of a kiosk that runs behind makes its offers seem older than they are.
  if (offer.issuedAt >= facts.kiosk.notAfter) refuse('certificate_expired');
  return { offer, acceptance, refundedMinor: body.refundedMinor };
}

/** What the cloud knows of the sale that a refund names, over all kiosks and batches. */
export interface SettledSale extends RefundableSale {
  readonly kioskId: string;
  readonly allowanceCertificateHash: Uint8Array;
  readonly sequence: number;
  /** The merchant was credited for it. */
  readonly isPaid: boolean;
}

/** @throws Refusal */
export function checkSettledRefund(
  offer: RefundOffer,
  facts: {
    /** Of the entry. */
    readonly kioskId: string;
    readonly allowanceCertificateHash: Uint8Array;
    readonly sale: SettledSale | null;
    /** The offer that is stored under this refund id, if there is one. */
    readonly knownOfferHash: Uint8Array | null;
  },
): void {
  const { sale, knownOfferHash } = facts;
  if (knownOfferHash !== null && !equalBytes(knownOfferHash, offer.hash)) refuse('refund_id_used_twice');
  if (sale === null) refuse('refund_is_for_another_payment');
  if (sale.kioskId !== facts.kioskId) refuse('refund_is_for_another_kiosk');
  // Only the payer may accept for the payer: with another's countersignature the money would change hands.
  if (!equalBytes(sale.allowanceCertificateHash, facts.allowanceCertificateHash))
    refuse('refund_acceptance_signature_invalid');
  if (sale.sequence !== offer.sequence) refuse('refund_entry_inconsistent');
  if (!sale.isPaid) refuse('refund_of_unpaid_sale');
  checkRefundAmount(offer, sale);
}
