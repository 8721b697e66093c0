/** What a merchant sees and does online: kiosks, sales and the balance. */
import { z } from 'zod';
import {
  CurrencyCode,
  IsoTime,
  lineOfText,
  MinorUnits,
  PageQuery,
  PositiveMinorUnits,
  Uuid,
} from './primitives.ts';

export const KioskStatus = z.enum(['awaiting_enrolment', 'active', 'denied']);
export const KioskView = z.object({
  id: Uuid,
  name: z.string(),
  status: KioskStatus,
  createdAt: IsoTime,
  lastContactAt: IsoTime.nullable(),
  /** Highest journal sequence settled without a gap. */
  settledSequence: z.number().int(),
  /** When the machine that lives handed something in last. */
  lastSettledAt: IsoTime.nullable(),
  /** Since when nothing of it is taken: its journal contradicted itself, and a person has to look. */
  quarantinedAt: IsoTime.nullable(),
  /** Since when it sells nothing by its merchant's word; null when it may. */
  suspendedAt: IsoTime.nullable(),
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

/**
 * `POST /v1/merchant/kiosks/{id}/suspend`, no body: it sells nothing from its next contact on, until `.../resume`. A kiosk without internet
 * goes on until then. What it accepted, before or meanwhile, settles as ever. Both are repeatable and answer {@link KioskView}.
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
  /** The number on the receipt. */
  sequence: z.number().int(),
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

/**
 * `search`: the number on a receipt, the six digits that both people saw after paying (of the newest 20,000 sales, with or without the
 * space between), or the first digits (hexadecimal, eight at least) of a payment's hash; a refused sale's, of the newest 20,000.
 */
export const SalesQuery = PageQuery.extend({ search: z.string().trim().max(64).optional() });

/** `GET /v1/merchant/sales/days?days=30`: every day of the last so many, also those without a sale, the oldest first. */
export const SalesDaysQuery = z.object({ days: z.coerce.number().int().min(1).max(92).default(30) });
export const SalesDay = z.object({
  /** `2026-11-30`, as the installation's time zone counts days. */
  day: z.iso.date(),
  /** Paid out to the merchant's balance on that day: by kiosks and by customers' receipts. */
  settledMinor: MinorUnits,
  settledCount: z.number().int(),
  /** Given back and taken from the balance on that day. */
  refundedMinor: MinorUnits,
  refundedCount: z.number().int(),
  /** Refused or disputed on that day: no money came. */
  unpaidMinor: MinorUnits,
  unpaidCount: z.number().int(),
});
export type SalesDay = z.infer<typeof SalesDay>;
export const SalesDays = z.object({ currency: CurrencyCode, days: z.array(SalesDay) });
export type SalesDays = z.infer<typeof SalesDays>;

/** The limits that a merchant or a kiosk may set below the issuer's; amounts first, then numbers and seconds. */
export const LIMIT_NAMES = [
  'perPaymentMinor',
  'storedSumMinor',
  'perAllowanceMinor',
  'firstPaymentMinor',
  'newStandingMinor',
  'splitSumMinor',
  'hourSumMinor',
  'daySumMinor',
  'storedCount',
  'maxOfflineSeconds',
  'splitCount',
  'hourCount',
  'dayCount',
] as const;
export type LimitName = (typeof LIMIT_NAMES)[number];
/** Decimal digits, for numbers and seconds too. What is absent is not limited. */
export const LimitValues = z.partialRecord(z.enum(LIMIT_NAMES), PositiveMinorUnits);

/** `GET /v1/merchant/limits`: what the merchant wants of all its kiosks. Version 0: nothing was ever set. */
export const MerchantLimitsView = z.object({
  version: z.number().int().nonnegative(),
  currency: CurrencyCode,
  limits: LimitValues,
  /** The service's own for every kiosk, which the merchant's cannot lift: the lower of the two counts. */
  service: LimitValues,
  /** Within how long `splitSumMinor` and `splitCount` count; the service's alone to set. */
  splitWindowSeconds: z.number().int().positive(),
  setAt: IsoTime.nullable(),
});
export type MerchantLimitsView = z.infer<typeof MerchantLimitsView>;

/**
 * `PUT /v1/merchant/limits` answers {@link MerchantLimitsView}. All limits at once, and which version they were thought out over:
 * when another was set since, `limits_changed`. The limits that are in force already change nothing, whatever `basedOn` says.
 */
export const SetMerchantLimitsBody = z.object({
  basedOn: z.int().nonnegative().max(2_147_483_646),
  limits: LimitValues,
});
