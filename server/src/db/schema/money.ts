/** Tables of money in and out: top-ups, withdrawals, bank accounts and the provider's events that were handled. Written by `money/` only. */
import { sql } from 'drizzle-orm';
import {
  type AnyPgColumn,
  boolean,
  char,
  check,
  index,
  integer,
  pgTable,
  text,
  uuid,
} from 'drizzle-orm/pg-core';
import { users } from './accounts.ts';
import { at, minor } from './columns.ts';
import { ledgerAccounts } from './ledger.ts';

export type TopUpState = 'awaiting_payment' | 'succeeded' | 'failed' | 'expired';

const oneOf = (column: AnyPgColumn, values: readonly string[]) =>
  sql`${column} in (${sql.raw(values.map((value) => `'${value}'`).join(', '))})`;

export const topUps = pgTable(
  'top_ups',
  {
    id: uuid('id').primaryKey(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id),
    amountMinor: minor('amount_minor').notNull(),
    currency: char('currency', { length: 3 }).notNull(),
    status: text('status').$type<TopUpState>().notNull().default('awaiting_payment'),
    checkoutId: text('checkout_id').unique('top_ups_checkout'),
    checkoutUrl: text('checkout_url'),
    createdAt: at('created_at').notNull().defaultNow(),
    /** When the provider is asked about it next, should its event not come. */
    nextLookAt: at('next_look_at'),
    finishedAt: at('finished_at'),
    /** The provider's payment, once it is known: refunds and disputes name it. */
    paymentId: text('payment_id').unique('top_ups_payment'),
    /** What was taken for refunds to the card and did not come back: the sum of those that stand. */
    refundedMinor: minor('refunded_minor').notNull().default(sql`0`),
    /** The customer gave the checkout up. */
    cancelledAt: at('cancelled_at'),
  },
  (t) => [
    index('top_ups_user').on(t.userId, t.id),
    index('top_ups_waiting').on(t.nextLookAt).where(sql`${t.status} = 'awaiting_payment'`),
    check('top_ups_amount', sql`${t.amountMinor} > 0`),
    check('top_ups_status', sql`${t.status} in ('awaiting_payment', 'succeeded', 'failed', 'expired')`),
    check('top_ups_refunded', sql`${t.refundedMinor} between 0 and ${t.amountMinor}`),
  ],
);

export const DISPUTE_STATES = ['open', 'won', 'lost'] as const;
export type DisputeState = (typeof DISPUTE_STATES)[number];

/** Card payments that their card's holder contests. The provider takes the money at once and gives it back when it is won. */
export const topUpDisputes = pgTable(
  'top_up_disputes',
  {
    /** The provider's id. */
    id: text('id').primaryKey(),
    topUpId: uuid('top_up_id')
      .notNull()
      .references(() => topUps.id),
    amountMinor: minor('amount_minor').notNull(),
    state: text('state').$type<DisputeState>().notNull(),
    openedAt: at('opened_at').notNull(),
    closedAt: at('closed_at'),
    /** Of the provider's event that said so: what is older says less. */
    saidAt: at('said_at'),
    /** How often a win was lost again: each time the money moves under keys of its own. */
    turns: integer('turns').notNull().default(0),
  },
  (t) => [
    index('top_up_disputes_top_up').on(t.topUpId),
    check('top_up_disputes_amount', sql`${t.amountMinor} > 0`),
    check('top_up_disputes_state', oneOf(t.state, DISPUTE_STATES)),
    check('top_up_disputes_closed', sql`(${t.state} = 'open') = (${t.closedAt} is null)`),
  ],
);

/** Refunds of top-ups, each known by the provider's id. Their money left us once, and came back once when it failed. */
export const topUpRefunds = pgTable(
  'top_up_refunds',
  {
    /** The provider's id. */
    id: text('id').primaryKey(),
    topUpId: uuid('top_up_id')
      .notNull()
      .references(() => topUps.id),
    amountMinor: minor('amount_minor').notNull(),
    heardAt: at('heard_at').notNull(),
    /** When we heard that the card's bank did not take it, or that it was called off; for good. */
    failedAt: at('failed_at'),
  },
  (t) => [
    index('top_up_refunds_top_up').on(t.topUpId),
    check('top_up_refunds_amount', sql`${t.amountMinor} > 0`),
  ],
);

/** Retired: `top_up_refunds` has what it had. Only a release before that one writes it. @public drizzle-kit reads it for the migrations. */
export const topUpRefundFailures = pgTable(
  'top_up_refund_failures',
  {
    /** The provider's id of the refund. */
    id: text('id').primaryKey(),
    topUpId: uuid('top_up_id')
      .notNull()
      .references(() => topUps.id),
    amountMinor: minor('amount_minor').notNull(),
    failedAt: at('failed_at').notNull(),
  },
  (t) => [
    index('top_up_refund_failures_top_up').on(t.topUpId),
    check('top_up_refund_failures_amount', sql`${t.amountMinor} > 0`),
  ],
);

/** Every event of the payment provider that was handled, once. */
export const providerEvents = pgTable('provider_events', {
  id: text('id').primaryKey(),
  type: text('type').notNull(),
  outcome: text('outcome').notNull(),
  receivedAt: at('received_at').notNull().defaultNow(),
});

/** A person's account at the provider, through which money reaches their bank. The bank's numbers are the provider's alone. */
export const bankAccounts = pgTable('bank_accounts', {
  userId: uuid('user_id')
    .primaryKey()
    .references(() => users.id),
  providerId: text('provider_id').notNull().unique('bank_accounts_provider'),
  payoutsEnabled: boolean('payouts_enabled').notNull().default(false),
  detailsSubmitted: boolean('details_submitted').notNull().default(false),
  bankName: text('bank_name'),
  bankLast4: text('bank_last4'),
  /** The provider's id of the bank account. */
  bankId: text('bank_id'),
  /** The provider's fingerprint of the bank account: another one is another bank account. */
  bankFingerprint: text('bank_fingerprint'),
  createdAt: at('created_at').notNull(),
  /** When the provider was asked last; an older answer never overwrites a newer one. */
  askedAt: at('asked_at').notNull(),
});

/** What the customer waits for, derived from the facts below (`money/withdrawals/facts.ts`). */
export const WITHDRAWAL_STATES = [
  'awaiting_code',
  'requested',
  'sent',
  'paying',
  'paid',
  'returning',
  'returned',
] as const;
export type WithdrawalState = (typeof WITHDRAWAL_STATES)[number];

/** Money on its way from a wallet, or a merchant's balance, to a bank. The row is the outbox, too: `next_step_at` says when it is worked on. */
export const withdrawals = pgTable(
  'withdrawals',
  {
    id: uuid('id').primaryKey(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id),
    /** The pocket that the money leaves and, should it fail, comes back to. */
    ledgerAccountId: uuid('ledger_account_id')
      .notNull()
      .references(() => ledgerAccounts.id),
    /** What leaves the pocket; the bank gets it less the fee. */
    amountMinor: minor('amount_minor').notNull(),
    feeMinor: minor('fee_minor').notNull(),
    currency: char('currency', { length: 3 }).notNull(),
    providerAccountId: text('provider_account_id').notNull(),
    bankName: text('bank_name').notNull(),
    bankLast4: text('bank_last4').notNull(),
    /** Named in the order: what was confirmed for one bank account is never paid to another. */
    bankId: text('bank_id').notNull(),
    bankFingerprint: text('bank_fingerprint').notNull(),
    state: text('state').$type<WithdrawalState>().notNull(),
    createdAt: at('created_at').notNull(),
    /** When the money left the pocket; null while a code is awaited. */
    requestedAt: at('requested_at'),
    finishedAt: at('finished_at'),

    /** Facts, each set once. */
    transferId: text('transfer_id').unique('withdrawals_transfer'),
    transferRefused: text('transfer_refused'),
    isReversed: boolean('is_reversed').notNull().default(false),
    payoutId: text('payout_id').unique('withdrawals_payout'),
    payoutRefused: text('payout_refused'),
    isPaid: boolean('is_paid').notNull().default(false),
    payoutFailed: text('payout_failed'),
    isReturned: boolean('is_returned').notNull().default(false),

    nextStepAt: at('next_step_at'),
    /** Counts definite refusals: the provider remembers an answer under its key, so another try needs another key. */
    attempt: integer('attempt').notNull().default(0),
    /** Tries without progress, for the pause between them. */
    tries: integer('tries').notNull().default(0),

    /** The running verification at the SMS provider, where one is needed. */
    verificationId: text('verification_id'),
    codeCheckCount: integer('code_check_count').notNull().default(0),
    codeSentCount: integer('code_sent_count').notNull().default(0),
    codeSentAt: at('code_sent_at'),
    codeExpiresAt: at('code_expires_at'),
    /** A code was given for this very withdrawal: its bank account is known from now on. */
    confirmedByCode: boolean('confirmed_by_code').notNull().default(false),
  },
  (t) => [
    index('withdrawals_user').on(t.userId, t.createdAt),
    index('withdrawals_due').on(t.nextStepAt).where(sql`${t.nextStepAt} is not null`),
    check('withdrawals_state', oneOf(t.state, WITHDRAWAL_STATES)),
    check('withdrawals_amount', sql`${t.feeMinor} >= 0 and ${t.amountMinor} > ${t.feeMinor}`),
    check('withdrawals_requested', sql`(${t.state} = 'awaiting_code') = (${t.requestedAt} is null)`),
    // Money ends in one place: at the bank, or back in the pocket.
    check('withdrawals_one_end', sql`not (${t.isReturned} and ${t.isPaid} and ${t.payoutFailed} is null)`),
  ],
);
