/** Tables of money in: top-ups and the provider's events that were handled. Written by `money/` only. */
import { sql } from 'drizzle-orm';
import { bigint, char, check, index, pgTable, text, timestamp, uuid } from 'drizzle-orm/pg-core';
import { users } from './accounts.ts';

export type TopUpState = 'awaiting_payment' | 'succeeded' | 'failed' | 'expired';

const at = (name: string) => timestamp(name, { withTimezone: true });

export const topUps = pgTable(
  'top_ups',
  {
    id: uuid('id').primaryKey(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id),
    amountMinor: bigint('amount_minor', { mode: 'bigint' }).notNull(),
    currency: char('currency', { length: 3 }).notNull(),
    status: text('status').$type<TopUpState>().notNull().default('awaiting_payment'),
    checkoutId: text('checkout_id').unique('top_ups_checkout'),
    checkoutUrl: text('checkout_url'),
    createdAt: at('created_at').notNull().defaultNow(),
    /** When the provider is asked about it next, should its event not come. */
    nextLookAt: at('next_look_at'),
    finishedAt: at('finished_at'),
  },
  (t) => [
    index('top_ups_user').on(t.userId, t.id),
    index('top_ups_waiting').on(t.nextLookAt).where(sql`${t.status} = 'awaiting_payment'`),
    check('top_ups_amount', sql`${t.amountMinor} > 0`),
    check('top_ups_status', sql`${t.status} in ('awaiting_payment', 'succeeded', 'failed', 'expired')`),
  ],
);

/** Every event of the payment provider that was handled, once. */
export const providerEvents = pgTable('provider_events', {
  id: text('id').primaryKey(),
  type: text('type').notNull(),
  outcome: text('outcome').notNull(),
  receivedAt: at('received_at').notNull().defaultNow(),
});
