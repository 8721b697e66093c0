/**
 * Tables of settlement: kiosks' journals as they arrived, every valid payment once, and what came of it. Written by
 * `settlement/` only; the application's role may add rows and change none (0003_settlement_rules.sql).
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
  smallint,
  text,
  unique,
  uuid,
} from 'drizzle-orm/pg-core';
import { users } from './accounts.ts';
import { allowances } from './allowances.ts';
import { at, bytea, minor } from './columns.ts';
import { kioskEnrolments } from './kiosks.ts';

export type SaleOutcome = 'settled' | 'settled_by_guarantee' | 'refused' | 'disputed';
export type DoubleSpendRule = 'same_counter' | 'cumulative_sum' | 'closing_statement';

const enrolmentId = () =>
  uuid('enrolment_id')
    .notNull()
    .references(() => kioskEnrolments.id);

/**
 * Of tables that one batch writes hundreds of rows to: what the rows point at is looked up once a statement, by triggers
 * that refuse as a foreign key does, on both sides (0026_references_in_sets.sql). `reconcile` proves it again.
 */
const enrolmentIdInSets = () => uuid('enrolment_id').notNull();

/**
 * Entries one by one, as releases before `journal_pieces` wrote them. Both are read by `journal_between()`
 * (0035_journal_in_pieces.sql). @public drizzle-kit reads it for the migrations.
 */
export const kioskJournal = pgTable(
  'kiosk_journal',
  {
    enrolmentId: enrolmentIdInSets(),
    sequence: integer('sequence').notNull(),
    hash: bytea('hash').notNull(),
    kind: smallint('kind').notNull(),
    bytes: bytea('bytes').notNull(),
    recordedAt: at('recorded_at').notNull(),
    receivedAt: at('received_at').notNull(),
  },
  (t) => [primaryKey({ columns: [t.enrolmentId, t.sequence] })],
);

/** What a batch added to its machine's journal, as it arrived. @public drizzle-kit reads it for the migrations. */
export const journalPieces = pgTable(
  'journal_pieces',
  {
    enrolmentId: enrolmentIdInSets(),
    fromSequence: integer('from_sequence').notNull(),
    toSequence: integer('to_sequence').notNull(),
    /** The entries' bytes, one behind the other; their hashes are SHA-256 of them. */
    entries: bytea('entries').notNull(),
    /** How many bytes of `entries` are behind one when it ends. */
    ends: integer('ends').array().notNull(),
    /** A byte an entry: its kind in the protocol. */
    kinds: bytea('kinds').notNull(),
    receivedAt: at('received_at').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.enrolmentId, t.toSequence] }),
    check(
      'journal_pieces_whole',
      sql`${t.fromSequence} between 1 and ${t.toSequence}
        and cardinality(${t.ends}) = ${t.toSequence} - ${t.fromSequence} + 1
        and octet_length(${t.kinds}) = cardinality(${t.ends})
        and ${t.ends}[cardinality(${t.ends})] = octet_length(${t.entries})`,
    ),
  ],
);

/** Batches that brought entries, with the answer that each got. */
export const settlementBatches = pgTable(
  'settlement_batches',
  {
    enrolmentId: enrolmentId(),
    batchHash: bytea('batch_hash').notNull(),
    head: bytea('head').notNull(),
    fromSequence: integer('from_sequence').notNull(),
    toSequence: integer('to_sequence').notNull(),
    denyListVersion: integer('deny_list_version').notNull(),
    acknowledgement: bytea('acknowledgement').notNull(),
    receivedAt: at('received_at').notNull(),
  },
  (t) => [primaryKey({ columns: [t.enrolmentId, t.batchHash] })],
);

/** Every validly signed payment that a kiosk presented, once, whatever came of it. */
export const payments = pgTable(
  'payments',
  {
    paymentHash: bytea('payment_hash').primaryKey(),
    allowanceId: uuid('allowance_id').notNull(),
    enrolmentId: enrolmentIdInSets(),
    sequence: integer('sequence').notNull(),
    merchantId: uuid('merchant_id').notNull(),
    counter: integer('counter').notNull(),
    amountMinor: minor('amount_minor').notNull(),
    cumulativeMinor: minor('cumulative_minor').notNull(),
    bytes: bytea('bytes').notNull(),
    outcome: text('outcome').$type<SaleOutcome>().notNull(),
    code: text('code'),
    fromReserveMinor: minor('from_reserve_minor').notNull(),
    fromGuaranteeMinor: minor('from_guarantee_minor').notNull(),
    settledAt: at('settled_at').notNull(),
    /**
     * The transfer `offline_payments` that paid it together with others of its batch; null where it has one of its own, named by its
     * hash, and where it was not paid. That it is there, and comes to what its payments do, is asked once a statement (0051_one_transfer_a_batch.sql).
     */
    transferId: uuid('transfer_id'),
  },
  (t) => [
    index('payments_allowance').on(t.allowanceId, t.counter),
    index('payments_transfer').on(t.transferId, t.allowanceId).where(sql`${t.transferId} is not null`),
    check(
      'payments_transferred',
      sql`${t.transferId} is null or ${t.outcome} in ('settled', 'settled_by_guarantee')`,
    ),
    check(
      'payments_outcome',
      sql`${t.outcome} in ('settled', 'settled_by_guarantee', 'refused', 'disputed')`,
    ),
    check(
      'payments_covered',
      sql`${t.fromReserveMinor} + ${t.fromGuaranteeMinor} =
        case when ${t.outcome} in ('settled', 'settled_by_guarantee') then ${t.amountMinor} else 0 end`,
    ),
  ],
);

/** Every sale of every journal, in the order of settling: what the merchant sees. */
export const sales = pgTable(
  'sales',
  {
    /** The order of settling, made by the database alone: no index keeps it unique. */
    id: bigint('id', { mode: 'bigint' }).notNull().generatedAlwaysAsIdentity(),
    enrolmentId: enrolmentIdInSets(),
    sequence: integer('sequence').notNull(),
    kioskId: uuid('kiosk_id').notNull(),
    merchantId: uuid('merchant_id').notNull(),
    /** False for a payment that was counted at another sequence already. */
    counted: boolean('counted').notNull(),
    outcome: text('outcome').$type<SaleOutcome>().notNull(),
    code: text('code'),
    /** These two are null when the entry's payment could not even be read. */
    paymentHash: bytea('payment_hash'),
    amountMinor: minor('amount_minor'),
    currency: char('currency', { length: 3 }).notNull(),
    maskedPhone: text('masked_phone').notNull(),
    acceptedAt: at('accepted_at').notNull(),
    settledAt: at('settled_at').notNull(),
  },
  (t) => [
    unique('sales_entry').on(t.enrolmentId, t.sequence),
    index('sales_merchant').on(t.merchantId, t.id),
    index('sales_merchant_day').on(t.merchantId, t.settledAt),
    // Few: what a damaged certificate did is looked for among them.
    index('sales_refused').on(t.enrolmentId, t.sequence).where(sql`${t.outcome} = 'refused'`),
    check('sales_outcome', sql`${t.outcome} in ('settled', 'settled_by_guarantee', 'refused', 'disputed')`),
    check('sales_reason', sql`${t.outcome} in ('settled', 'settled_by_guarantee') or ${t.code} is not null`),
  ],
);

/** What the guarantee fund has paid to a merchant in a calendar month (UTC); the nil UUID stands for all together. */
export const guaranteeUse = pgTable(
  'guarantee_use',
  {
    merchantId: uuid('merchant_id').notNull(),
    /** `2026-11` */
    month: char('month', { length: 7 }).notNull(),
    usedMinor: minor('used_minor').notNull().default(sql`0`),
  },
  (t) => [primaryKey({ columns: [t.merchantId, t.month] })],
);

/**
 * What a user owes the guarantee fund: for an offline payment beyond its reserve, or for a card payment that was taken
 * back after its money was spent.
 */
export const debts = pgTable(
  'debts',
  {
    id: uuid('id').primaryKey(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id),
    /** These two stand together, for an offline payment. */
    allowanceId: uuid('allowance_id').references(() => allowances.id),
    paymentHash: bytea('payment_hash')
      .unique('debts_payment')
      .references(() => payments.paymentHash),
    /** For a card payment that was taken back: the ledger's idempotency key of the taking. */
    reversalKey: text('reversal_key').unique('debts_reversal'),
    amountMinor: minor('amount_minor').notNull(),
    currency: char('currency', { length: 3 }).notNull(),
    recoveredMinor: minor('recovered_minor').notNull().default(sql`0`),
    createdAt: at('created_at').notNull(),
  },
  (t) => [
    index('debts_user').on(t.userId),
    check(
      'debts_cause',
      sql`(${t.reversalKey} is null) = (${t.paymentHash} is not null and ${t.allowanceId} is not null)`,
    ),
    check('debts_amount', sql`${t.amountMinor} > 0 and ${t.recoveredMinor} between 0 and ${t.amountMinor}`),
  ],
);

/** A double spend with its proof: two objects that no honest phone signs both. One case an allowance. */
export const doubleSpendCases = pgTable(
  'double_spend_cases',
  {
    id: uuid('id').primaryKey(),
    allowanceId: uuid('allowance_id')
      .notNull()
      .unique('double_spend_cases_allowance')
      .references(() => allowances.id),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id),
    rule: text('rule').$type<DoubleSpendRule>().notNull(),
    allowanceCertificate: bytea('allowance_certificate').notNull(),
    /** The payment (or closing statement) that was known first, and the payment that contradicts it. */
    firstBytes: bytea('first_bytes').notNull(),
    secondBytes: bytea('second_bytes').notNull(),
    secondPaymentHash: bytea('second_payment_hash').notNull(),
    createdAt: at('created_at').notNull(),
  },
  (t) => [
    check(
      'double_spend_cases_rule',
      sql`${t.rule} in ('same_counter', 'cumulative_sum', 'closing_statement')`,
    ),
  ],
);

/** A journal that contradicted what was stored: both versions, for a person to look at. */
export const brokenChains = pgTable('broken_chains', {
  id: uuid('id').primaryKey(),
  enrolmentId: enrolmentId(),
  /** The first sequence at which the two differ. */
  sequence: integer('sequence').notNull(),
  storedHash: bytea('stored_hash').notNull(),
  /** The whole envelope as it arrived: the kiosk signed its head. */
  envelope: bytea('envelope').notNull(),
  createdAt: at('created_at').notNull(),
});
