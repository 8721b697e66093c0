// The journal as data (page 07): an entry, the bodies that are not reserved, and the file that holds a whole journal.

import * as f from './fields.ts';
import { checks, object, tier } from './layouts.ts';
import { limits } from './limits.ts';
import { demand, refuse } from './refusal.ts';

const kinds = f.named([
  'sale',
  'void',
  'refund',
  'cashIn',
  'cashOut',
  'dayClose',
  'clockJump',
  'override',
  'policyChange',
  'start',
  'stop',
]);

export const saleBody = f.record({
  kioskCertificateHash: f.hash,
  request: object,
  allowanceCertificateHash: f.hash,
  payment: object,
  tier,
  checks,
});
export const refundBody = f.record({
  kioskCertificateHash: f.hash,
  offer: object,
  allowanceCertificateHash: f.hash,
  acceptance: object,
  refundedMinor: f.price,
});

/** In the order of page 05's table: what a manager may set aside. */
export const overridableCodes = [
  'clock_behind_trusted_time',
  'kiosk_offline_too_long',
  'trust_bundle_too_old',
  'payment_exceeds_kiosk_limit',
  'first_payment_exceeds_limit',
  'payment_exceeds_standing_limit',
  'allowance_sum_exceeded_here',
  'split_sale_suspected',
  'payer_count_per_hour_exceeded',
  'payer_sum_per_hour_exceeded',
  'payer_count_per_day_exceeded',
  'payer_sum_per_day_exceeded',
  'kiosk_stored_count_exceeded',
  'kiosk_stored_sum_exceeded',
] as const;
export type OverridableCode = (typeof overridableCodes)[number];

/** Each code once, in the order of the table, and at least one. */
const overriddenCodes: f.Reader<readonly OverridableCode[]> = (item) => {
  const written = f.list(overridableCodes.length, f.text(64))(item);
  const codes = overridableCodes.filter((code) => written.includes(code));
  demand(codes.length >= 1 && codes.join() === written.join(), 'field_out_of_range');
  return codes;
};

export const overrideBody = f.record({
  paymentHash: f.hash,
  reason: f.named([
    'knows_customer',
    'saw_identity',
    'goods_already_given',
    'emergency',
    'small_risk',
    'other',
  ]),
  codes: overriddenCodes,
});

const limitOrNone = { amount: f.nullable(f.price), count: f.nullable(f.count) };
export const policyLimits = f.record({
  perPaymentMinor: limitOrNone.amount,
  storedSumMinor: limitOrNone.amount,
  perAllowanceMinor: limitOrNone.amount,
  firstPaymentMinor: limitOrNone.amount,
  newStandingMinor: limitOrNone.amount,
  splitSumMinor: limitOrNone.amount,
  hourSumMinor: limitOrNone.amount,
  daySumMinor: limitOrNone.amount,
  storedCount: limitOrNone.count,
  maxOfflineSeconds: limitOrNone.count,
  splitCount: limitOrNone.count,
  hourCount: limitOrNone.count,
  dayCount: limitOrNone.count,
});

export const policyChangeBody = f.record({
  owner: f.named(['merchant', 'kiosk', 'merchantByCloud']),
  limits: policyLimits,
});

const emptyBody = f.record({});
const reservedBody = f.list(16, f.anything);

const entryFrame = f.object(7, {
  sequence: f.count,
  previousHash: f.hash,
  kind: kinds,
  at: f.time,
  body: (item) => item,
});

/** An entry with its body unread, but for a body that has to be empty. */
export const journalEntryFrame: f.Reader<ReturnType<typeof entryFrame>> = (item) => {
  const entry = entryFrame(item);
  reservedBody(entry.body);
  if (entry.kind === 'start' || entry.kind === 'stop') emptyBody(entry.body);
  return entry;
};

export type JournalEntry = Omit<ReturnType<typeof entryFrame>, 'body' | 'kind'> &
  (
    | { readonly kind: 'sale'; readonly body: ReturnType<typeof saleBody> }
    | { readonly kind: Exclude<ReturnType<typeof kinds>, 'sale'>; readonly body: readonly unknown[] }
  );

export const journalEntry: f.Reader<JournalEntry> = (item) => {
  const { kind, body, ...frame } = journalEntryFrame(item);
  if (kind === 'sale') return { ...frame, kind, body: saleBody(body) };
  return { ...frame, kind, body: reservedBody(body) };
};

export const journalOpening = f.object(25, {});

const recordBounds: ReadonlyMap<number, number> = new Map([
  [1, limits.MAX_OBJECT_BYTES],
  [2, limits.MAX_OBJECT_BYTES],
  [3, limits.MAX_OBJECT_BYTES],
  [6, limits.MAX_OBJECT_BYTES],
  [7, limits.MAX_JOURNAL_ENTRY_BYTES],
  [8, limits.MAX_OBJECT_BYTES],
  [10, limits.MAX_TRUST_BUNDLE_BYTES],
  [19, limits.MAX_OBJECT_BYTES],
]);

export type JournalRecord = { readonly purpose: number; readonly bytes: f.Hex };

/** What a record of a journal file holds stays unread. */
export const journalRecord: f.Reader<JournalRecord> = (item) => {
  const purpose = f.purposeOf(item);
  const most = recordBounds.get(purpose) ?? refuse('object_has_wrong_purpose');
  const { bytes } = f.object(purpose, { bytes: f.blob(most) })(item);
  return { purpose, bytes };
};
