/** Tables of offline allowances. Written by `allowances/` and, where payments settle, by `settlement/`. */
import { sql } from 'drizzle-orm';
import { char, check, index, integer, pgTable, text, unique, uuid } from 'drizzle-orm/pg-core';
import { users } from './accounts.ts';
import { at, bytea, minor } from './columns.ts';

/** `expired` is not stored: an active allowance past its end is one. */
export type StoredAllowanceStatus = 'active' | 'closing' | 'denied' | 'closed';

export const allowances = pgTable(
  'allowances',
  {
    /** Also the pseudonym in the certificate. */
    id: uuid('id').primaryKey(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id),
    /** The Idempotency-Key it was asked for with: the same key never issues two. */
    idempotencyKey: uuid('idempotency_key').notNull(),
    status: text('status').$type<StoredAllowanceStatus>().notNull().default('active'),
    currency: char('currency', { length: 3 }).notNull(),
    capMinor: minor('cap_minor').notNull(),
    /** Ledger account of kind `allowance_reserve`; moved only under the lock of this row. */
    reserveAccountId: uuid('reserve_account_id').notNull(),
    /** Paid out of the reserve by settlements. */
    settledMinor: minor('settled_minor').notNull().default(sql`0`),
    returnedMinor: minor('returned_minor').notNull().default(sql`0`),
    settledCounter: integer('settled_counter').notNull().default(0),
    /** Valid payments that neither reserve nor guarantee covered. */
    disputedCount: integer('disputed_count').notNull().default(0),
    notBefore: at('not_before').notNull(),
    notAfter: at('not_after').notNull(),
    /** notAfter plus the claim window of the day of issue: from then on the rest returns by itself. */
    returnsAt: at('returns_at').notNull(),
    certificate: bytea('certificate').notNull(),
    certificateHash: bytea('certificate_hash').notNull().unique('allowances_certificate_hash'),
    devicePublicKey: bytea('device_public_key').notNull(),
    phoneSalt: bytea('phone_salt').notNull(),
    maskedPhone: text('masked_phone').notNull(),
    /** The payee lock of the certificate: one merchant, and perhaps one of its kiosks; null for everybody. */
    payeeMerchantId: uuid('payee_merchant_id'),
    payeeKioskId: uuid('payee_kiosk_id'),
    /** The deny list's version from which on it is listed; null while it is not. */
    deniedVersion: integer('denied_version'),
    closingStatement: bytea('closing_statement'),
    closingCounter: integer('closing_counter'),
    closingCumulativeMinor: minor('closing_cumulative_minor'),
    closingAt: at('closing_at'),
    closedAt: at('closed_at'),
    createdAt: at('created_at').notNull(),
  },
  (t) => [
    unique('allowances_idempotency_key').on(t.userId, t.idempotencyKey),
    index('allowances_user').on(t.userId, t.createdAt),
    index('allowances_open').on(t.returnsAt).where(sql`${t.status} <> 'closed'`),
    index('allowances_closing').on(t.deniedVersion).where(sql`${t.status} = 'closing'`),
    index('allowances_denied_rest').on(t.deniedVersion).where(sql`${t.status} = 'denied'`),
    check('allowances_status', sql`${t.status} in ('active', 'closing', 'denied', 'closed')`),
    check('allowances_cap', sql`${t.capMinor} > 0`),
    check(
      'allowances_within_cap',
      sql`${t.settledMinor} >= 0 and ${t.returnedMinor} >= 0 and ${t.settledMinor} + ${t.returnedMinor} <= ${t.capMinor}`,
    ),
    check(
      'allowances_listed',
      sql`${t.status} not in ('closing', 'denied') or ${t.deniedVersion} is not null`,
    ),
    check('allowances_payee_lock', sql`${t.payeeKioskId} is null or ${t.payeeMerchantId} is not null`),
    check('allowances_closing_statement', sql`${t.status} <> 'closing' or ${t.closingStatement} is not null`),
  ],
);
