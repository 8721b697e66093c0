/**
 * From scanned text to an offer to give money back that a person can confirm: signatures, dates, deny list, and this
 * phone's own payment behind it. Pure: its facts are handed in. Never: signs, stores or sends.
 */
import {
  attempt,
  checkKioskStanding,
  checkRefundOffer,
  CLOCK_TOLERANCE_SECONDS,
  fromQrText,
  openRefundEnvelope,
  runAsync,
  toHex,
  type AsyncCrypto,
  type KioskCertificate,
  type RefundOffer,
  type TrustBundle,
} from '@tikiwallet/protocol';
import type { StoredPayment, StoredRefund } from '../store/schema.ts';
import type { ErrorCode } from './codes.ts';
import { displayName, displayPhone } from './display-name.ts';
import type { RefusedSubject } from './read-request.ts';
import { tidyCode } from './refund-text.ts';

export interface RefundFacts {
  readonly crypto: AsyncCrypto;
  readonly trust: TrustBundle | null;
  /** Corrected time. */
  readonly nowSeconds: number;
  readonly clockIsPlausible: boolean;
  /** Of the person who uses this phone now. */
  readonly findPayment: (id: string) => Promise<StoredPayment | undefined>;
  readonly refundsOf: (paymentId: string) => Promise<readonly StoredRefund[]>;
}

export interface OfferedRefund {
  /** Hex of the offer's hash. */
  readonly id: string;
  readonly kiosk: KioskCertificate;
  readonly offer: RefundOffer;
  readonly payment: StoredPayment;
  /** Given back of the payment before, as far as this phone has receipts. */
  readonly refundedMinor: bigint;
  readonly merchantName: string;
  readonly merchantPhone: string;
  /** Seconds since 1970 by the corrected clock: the latest that the kiosk may still take it. */
  readonly expiresAt: number;
}

export type RefundOutcome =
  | { readonly kind: 'offer'; readonly offer: OfferedRefund }
  /** Countersigned before: it is shown, and can be sent again. */
  | { readonly kind: 'known'; readonly refund: StoredRefund }
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly subject: RefusedSubject | null };

function refundBytes(text: string): Uint8Array | ErrorCode {
  const candidate = tidyCode(text);
  const exact = fromQrText('refundOffer', candidate);
  if (exact.ok) return exact.value;
  const trimmed = fromQrText('refundOffer', candidate.trimEnd());
  return trimmed.ok ? trimmed.value : exact.code;
}

export function refundedSoFar(refunds: readonly StoredRefund[]): bigint {
  return refunds
    .filter(({ receipt, state }) => receipt !== null || state === 'settled' || state === 'waiting')
    .reduce((sum, { amountMinor }) => sum + amountMinor, 0n);
}

const refused = (code: ErrorCode, subject: RefusedSubject | null = null): RefundOutcome => ({
  kind: 'refused',
  code,
  subject,
});

export async function readRefund(text: string, facts: RefundFacts): Promise<RefundOutcome> {
  const bytes = refundBytes(text);
  if (typeof bytes === 'string') return refused(bytes);
  if (facts.trust === null) return refused('trust_missing');
  const opened = await runAsync(openRefundEnvelope(bytes, facts.trust.issuers), facts.crypto);
  if (!opened.ok) return refused(opened.code);
  const { kiosk, offer } = opened.value;
  const merchantName = displayName(kiosk.merchantName);
  const merchantPhone = displayPhone(kiosk.merchantPhone);
  const { amountMinor } = offer;
  const subject = { merchantName, merchantPhone, amountMinor, currency: kiosk.currency };
  const payment = await facts.findPayment(toHex(offer.paymentHash));
  if (payment === undefined) return refused('refund_is_for_another_payment', subject);
  const id = toHex(offer.hash);
  const refunds = await facts.refundsOf(payment.id);
  const known = refunds.find((one) => one.id === id);
  if (known !== undefined) return { kind: 'known', refund: known };
  const refundedMinor = refundedSoFar(refunds);
  const why = whyNot({ kiosk, offer, payment, refundedMinor }, { ...facts, trust: facts.trust });
  if (why !== null) return refused(why, subject);
  return {
    kind: 'offer',
    offer: {
      id,
      kiosk,
      offer,
      payment,
      refundedMinor,
      merchantName,
      merchantPhone,
      expiresAt: latestEnd(offer, facts.nowSeconds),
    },
  };
}

/** It lives no longer than its `ttl` from now, and no longer than the clocks of two devices may be apart (page 14). */
function latestEnd({ issuedAt, ttlSeconds }: RefundOffer, nowSeconds: number): number {
  return Math.min(issuedAt + CLOCK_TOLERANCE_SECONDS, nowSeconds) + ttlSeconds;
}

function whyNot(
  {
    kiosk,
    offer,
    payment,
    refundedMinor,
  }: Pick<OfferedRefund, 'kiosk' | 'offer' | 'payment' | 'refundedMinor'>,
  facts: RefundFacts & { readonly trust: TrustBundle },
): ErrorCode | null {
  if (!facts.clockIsPlausible) return 'clock_behind_trusted_time';
  const judged = attempt(() => {
    checkKioskStanding(kiosk, facts.trust, facts.nowSeconds);
    checkRefundOffer(offer, {
      kiosk,
      payment: {
        paymentHash: offer.paymentHash,
        amountMinor: payment.amountMinor,
        refundedMinor,
        kioskId: payment.kioskId ?? '',
        sequence: payment.receiptNumber,
      },
      nowSeconds: facts.nowSeconds,
    });
  });
  return judged.ok ? null : judged.code;
}
