/**
 * The tables of the double-entry ledger. Only `server/src/ledger/` writes them; other rooms read.
 *
 * The rules that SQL itself keeps (zero sums, append-only entries, privileges) stand in the migration
 * `drizzle/server/0001_ledger_rules.sql`, because drizzle-kit has no words for triggers and roles.
 */
import { sql } from 'drizzle-orm';
import {
  bigint,
  char,
  check,
  customType,
  index,
  jsonb,
  pgTable,
  text,
  timestamp,
  unique,
  uuid,
} from 'drizzle-orm/pg-core';

/**
 * Kinds of account. Credit is positive for what we owe people; the others are ours and may stand on either side of
 * zero. `stripe_clearing` is negative by what Stripe holds for us, `stripe_connected` by what it holds for people
 * whose money is on its way to their bank, and `pay_outs_in_transit` is what we owe people until that has ended.
 */
export const ACCOUNT_KINDS = [
  'user_online',
  'allowance_reserve',
  'merchant_available',
  'stripe_clearing',
  'stripe_connected',
  'pay_outs_in_transit',
  'guarantee_fund',
  'fees',
  'opening',
] as const;
export type AccountKind = (typeof ACCOUNT_KINDS)[number];

/** Kinds whose balance may never fall below zero: other people's money. */
export const GUARDED_KINDS = ['user_online', 'allowance_reserve', 'merchant_available'] as const;

export const TRANSFER_KINDS = [
  'opening',
  'top_up',
  'top_up_reversal',
  'dispute_return',
  'user_transfer',
  'allowance_load',
  'allowance_return',
  'offline_payment',
  /** All that one batch of a kiosk paid, an entry an account: `payments.transfer_id` says which (decisions/0029). */
  'offline_payments',
  'offline_refund',
  'debt_recovery',
  'pay_out',
  'pay_out_sent',
  'pay_out_recalled',
  'pay_out_paid',
  'pay_out_unpaid',
  'pay_out_return',
  'fee',
  'correction',
] as const;
export type TransferKind = (typeof TRANSFER_KINDS)[number];

/** What a transfer points at, for histories and audits; never read to decide about money. */
export type TransferReference = Readonly<Record<string, string | number | boolean | null>>;

const bytea = customType<{ data: Uint8Array; driverData: Uint8Array }>({ dataType: () => 'bytea' });

const quoted = (values: readonly string[]) => sql.raw(values.map((value) => `'${value}'`).join(', '));

export const ledgerAccounts = pgTable(
  'ledger_accounts',
  {
    id: uuid('id').primaryKey(),
    kind: text('kind').$type<AccountKind>().notNull(),
    /** The user, allowance or merchant that the account stands for; null for our own accounts. */
    ownerId: uuid('owner_id'),
    /** The user whose pocket this is: histories of a person collect every account that they hold. */
    holderId: uuid('holder_id'),
    currency: char('currency', { length: 3 }).notNull(),
    balanceMinor: bigint('balance_minor', { mode: 'bigint' }).notNull().default(sql`0`),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (t) => [
    unique('ledger_accounts_owner').on(t.kind, t.ownerId, t.currency).nullsNotDistinct(),
    unique('ledger_accounts_currency').on(t.id, t.currency),
    index('ledger_accounts_holder').on(t.holderId),
    check('ledger_accounts_kind', sql`${t.kind} in (${quoted(ACCOUNT_KINDS)})`),
    check(
      'ledger_accounts_not_overdrawn',
      sql`${t.kind} not in (${quoted(GUARDED_KINDS)}) or ${t.balanceMinor} >= 0`,
    ),
    check(
      'ledger_accounts_owned',
      sql`${t.kind} not in (${quoted(GUARDED_KINDS)}) or ${t.ownerId} is not null`,
    ),
  ],
);

export const ledgerTransfers = pgTable(
  'ledger_transfers',
  {
    id: uuid('id').primaryKey(),
    kind: text('kind').$type<TransferKind>().notNull(),
    idempotencyKey: text('idempotency_key').notNull().unique('ledger_transfers_idempotency_key'),
    /** SHA-256 over what moves money; a repeat of the key must carry the same. Empty where the caller decides about repeats (settlement). */
    contentHash: bytea('content_hash').notNull(),
    reference: jsonb('reference').$type<TransferReference>().notNull(),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (t) => [check('ledger_transfers_kind', sql`${t.kind} in (${quoted(TRANSFER_KINDS)})`)],
);

/**
 * Written and read in SQL only. That the transfer and the account of an entry are there, the account in the entry's currency, is
 * asked once a statement, by triggers that refuse as a foreign key does, on both sides (0034_entries_refer_in_sets.sql, 0056_entries_proved_at_once.sql).
 * @public drizzle-kit reads it for the migrations.
 */
export const ledgerEntries = pgTable(
  'ledger_entries',
  {
    /** Global order of posting: the cursor of every history. Made by the database alone, so no index keeps it unique. */
    id: bigint('id', { mode: 'bigint' }).notNull().generatedAlwaysAsIdentity(),
    transferId: uuid('transfer_id').notNull(),
    accountId: uuid('account_id').notNull(),
    currency: char('currency', { length: 3 }).notNull(),
    amountMinor: bigint('amount_minor', { mode: 'bigint' }).notNull(),
  },
  (t) => [
    unique('ledger_entries_once').on(t.transferId, t.accountId),
    index('ledger_entries_account').on(t.accountId, t.id),
    check('ledger_entries_not_zero', sql`${t.amountMinor} <> 0`),
  ],
);
