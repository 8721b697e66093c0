/** What a merchant sees and does online: kiosks, sales and the balance. */
import { z } from 'zod';
import { CurrencyCode, IsoTime, lineOfText, MinorUnits, Uuid } from './primitives.ts';

export const KioskStatus = z.enum(['awaiting_enrolment', 'active', 'denied']);
export const KioskView = z.object({
  id: Uuid,
  name: z.string(),
  status: KioskStatus,
  createdAt: IsoTime,
  lastContactAt: IsoTime.nullable(),
  /** Highest journal sequence settled without a gap. */
  settledSequence: z.number().int(),
  /** Present while a code is valid: 8 characters, shown as `ABCD-EFGH`. */
  enrolment: z.object({ code: z.string(), expiresAt: IsoTime }).nullable(),
});
export type KioskView = z.infer<typeof KioskView>;

/** `POST /v1/merchant/kiosks` (Idempotency-Key) answers {@link KioskView} with a fresh code. */
export const CreateKioskBody = z.object({ name: lineOfText({ min: 1, max: 40 }) });
/** `GET /v1/merchant/kiosks`. */
export const KioskList = z.object({ items: z.array(KioskView) });
/** `POST /v1/merchant/kiosks/{id}/code` answers {@link KioskView} with a new code. */
/**
 * `POST /v1/merchant/kiosks/{id}/deny`, no body: lost or stolen. For ever; it hands in nothing more, and what it had
 * not handed in is claimed with customers' receipts. Answers {@link KioskView}.
 */

/** `GET /v1/merchant/summary`. */
export const MerchantSummary = z.object({
  merchantId: Uuid,
  businessName: z.string(),
  currency: CurrencyCode,
  availableMinor: MinorUnits,
  settledTodayMinor: MinorUnits,
  settledTodayCount: z.number().int(),
  /** Given back by kiosks and not covered by the balance yet: the next money pays it first. */
  waitingRefundsMinor: MinorUnits,
});
export type MerchantSummary = z.infer<typeof MerchantSummary>;

/** `GET /v1/merchant/sales` pages of these. */
export const SaleView = z.object({
  paymentHash: z.string(),
  kioskId: Uuid,
  kioskName: z.string(),
  amountMinor: MinorUnits,
  /** Given back of it so far. */
  refundedMinor: MinorUnits,
  currency: CurrencyCode,
  acceptedAt: IsoTime,
  settledAt: IsoTime,
  maskedPhone: z.string(),
  state: z.enum(['settled', 'settled_by_guarantee', 'refused', 'disputed']),
});
export type SaleView = z.infer<typeof SaleView>;
