/** Voids and refunds of offline payments, as both sides see them at the cloud. */
import { z } from 'zod';
import { CurrencyCode, Hash, IsoTime, MinorUnits, Uuid } from './primitives.ts';

export const RefundKind = z.enum(['void', 'refund']);

/** `waiting`: it holds, and the merchant's balance does not cover it yet; the merchant's next money pays it first. */
export const RefundState = z.enum(['settled', 'waiting']);

/** `GET /v1/refunds` pages of these: what shops gave back to the customer who asks, newest first. */
export const RefundView = z.object({
  /** Hex of the offer that both sides signed: the same on both sides. */
  offerHash: Hash,
  /** 16 random bytes of the kiosk, written as a UUID of no version. */
  refundId: z.guid(),
  paymentHash: Hash,
  kind: RefundKind,
  state: RefundState,
  amountMinor: MinorUnits,
  currency: CurrencyCode,
  businessName: z.string(),
  refundedAt: IsoTime,
  settledAt: IsoTime.nullable(),
});
export type RefundView = z.infer<typeof RefundView>;

/** `GET /v1/merchant/refunds` pages of these. */
export const MerchantRefundView = RefundView.omit({ businessName: true }).extend({
  kioskId: Uuid,
  kioskName: z.string(),
  maskedPhone: z.string(),
  /** The payer's phone brought it before the kiosk did. */
  byClaim: z.boolean(),
});
export type MerchantRefundView = z.infer<typeof MerchantRefundView>;
