/**
 * Tables of voids and refunds. Written by `settlement/` only. What was signed is never changed; of a refund only its
 * state moves, from waiting to settled (0009_refund_rules.sql).
 */
import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  char,
  check,
  index,
  integer,
  pgTable,
  primaryKey,
  text,
  unique,
  uuid,
} from 'drizzle-orm/pg-core';
import { users } from './accounts.ts';
import { allowances } from './allowances.ts';
import { at, bytea, minor } from './columns.ts';
import { kioskEnrolments, kiosks } from './kiosks.ts';
import { payments } from './settlement.ts';

export type StoredRefundState = 'settled' | 'waiting';

/** Refunds that hold, each once, whoever brought it. */
export const refunds = pgTable(
  'refunds',
  {
    id: bigint('id', { mode: 'bigint' }).primaryKey().generatedAlwaysAsIdentity(),
    /** What both sides signed; the identity under which it counts once. */
    offerHash: bytea('offer_hash').notNull().unique('refunds_offer'),
    refundId: uuid('refund_id').notNull(),
    kioskId: uuid('kiosk_id')
      .notNull()
      .references(() => kiosks.id),
    enrolmentId: uuid('enrolment_id')
      .notNull()
      .references(() => kioskEnrolments.id),
    /** Of the refund's entry in the journal; a claim says what its receipt says. */
    sequence: integer('sequence').notNull(),
    merchantId: uuid('merchant_id').notNull(),
    paymentHash: bytea('payment_hash')
      .notNull()
      .references(() => payments.paymentHash),
    allowanceId: uuid('allowance_id')
      .notNull()
      .references(() => allowances.id),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id),
    kind: text('kind').$type<'void' | 'refund'>().notNull(),
    amountMinor: minor('amount_minor').notNull(),
    currency: char('currency', { length: 3 }).notNull(),
    maskedPhone: text('masked_phone').notNull(),
    offer: bytea('offer').notNull(),
    acceptance: bytea('acceptance').notNull(),
    /** True when the payer's phone brought it before the kiosk did. */
    byClaim: boolean('by_claim').notNull(),
    state: text('state').$type<StoredRefundState>().notNull(),
    /** It could not be paid at once: the kiosk was told so, and is told how it ended. */
    hasWaited: boolean('has_waited').notNull(),
    refundedAt: at('refunded_at').notNull(),
    recordedAt: at('recorded_at').notNull(),
    settledAt: at('settled_at'),
  },
  (t) => [
    unique('refunds_refund_id').on(t.kioskId, t.refundId),
    index('refunds_merchant').on(t.merchantId, t.id),
    index('refunds_user').on(t.userId, t.id),
    index('refunds_payment').on(t.paymentHash),
    index('refunds_waiting').on(t.merchantId, t.id).where(sql`${t.state} = 'waiting'`),
    check('refunds_kind', sql`${t.kind} in ('void', 'refund')`),
    check('refunds_state', sql`${t.state} in ('settled', 'waiting')`),
    check('refunds_amount', sql`${t.amountMinor} > 0`),
    check('refunds_settled', sql`(${t.state} = 'settled') = (${t.settledAt} is not null)`),
    check('refunds_waited', sql`${t.state} = 'settled' or ${t.hasWaited}`),
  ],
);

/**
 * What has been given back of a payment, over all kiosks, batches and claims. The row is the lock of every refund of
 * that payment, and its CHECK the last word on how much may be given back.
 */
export const refundSums = pgTable(
  'refund_sums',
  {
    paymentHash: bytea('payment_hash')
      .primaryKey()
      .references(() => payments.paymentHash),
    /** What the merchant was credited for the payment. */
    creditedMinor: minor('credited_minor').notNull(),
    refundedMinor: minor('refunded_minor').notNull().default(sql`0`),
  },
  (t) => [check('refund_sums_within_sale', sql`${t.refundedMinor} between 0 and ${t.creditedMinor}`)],
);

/** Every void and refund entry of every journal, with what came of it. */
export const refundEntries = pgTable(
  'refund_entries',
  {
    enrolmentId: uuid('enrolment_id')
      .notNull()
      .references(() => kioskEnrolments.id),
    sequence: integer('sequence').notNull(),
    kioskId: uuid('kiosk_id').notNull(),
    merchantId: uuid('merchant_id').notNull(),
    /** The refund that it brought or repeated; null when the entry was refused. */
    offerHash: bytea('offer_hash').references(() => refunds.offerHash),
    code: text('code'),
    recordedAt: at('recorded_at').notNull(),
    receivedAt: at('received_at').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.enrolmentId, t.sequence] }),
    check('refund_entries_reason', sql`(${t.offerHash} is null) = (${t.code} is not null)`),
  ],
);
