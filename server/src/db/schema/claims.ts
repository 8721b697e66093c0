/** The table of claims: receipts that customers brought. Written by `settlement/` only; rows are added, never changed. */
import { sql } from 'drizzle-orm';
import { bigint, boolean, char, check, index, integer, pgTable, text, uuid } from 'drizzle-orm/pg-core';
import { users } from './accounts.ts';
import { allowances } from './allowances.ts';
import { at, bytea, minor } from './columns.ts';
import { kioskEnrolments, kiosks } from './kiosks.ts';

export type StoredClaimState = 'paid' | 'not_covered' | 'refused';

export const claims = pgTable(
  'claims',
  {
    id: bigint('id', { mode: 'bigint' }).primaryKey().generatedAlwaysAsIdentity(),
    /** One claim a payment, as one settlement a payment. */
    paymentHash: bytea('payment_hash').notNull().unique('claims_payment'),
    allowanceId: uuid('allowance_id')
      .notNull()
      .references(() => allowances.id),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id),
    enrolmentId: uuid('enrolment_id')
      .notNull()
      .references(() => kioskEnrolments.id),
    kioskId: uuid('kiosk_id')
      .notNull()
      .references(() => kiosks.id),
    merchantId: uuid('merchant_id').notNull(),
    state: text('state').$type<StoredClaimState>().notNull(),
    /** As the receipt says; the kiosk's journal never arrived, or says otherwise. */
    sequence: integer('sequence').notNull(),
    contradictsJournal: boolean('contradicts_journal').notNull(),
    amountMinor: minor('amount_minor').notNull(),
    currency: char('currency', { length: 3 }).notNull(),
    maskedPhone: text('masked_phone').notNull(),
    receipt: bytea('receipt').notNull(),
    request: bytea('request').notNull(),
    payment: bytea('payment').notNull(),
    acceptedAt: at('accepted_at').notNull(),
    claimedAt: at('claimed_at').notNull(),
  },
  (t) => [
    index('claims_merchant').on(t.merchantId, t.id),
    check('claims_state', sql`${t.state} in ('paid', 'not_covered', 'refused')`),
  ],
);
