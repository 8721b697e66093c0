/**
 * Tables of what merchants' own programs are told. Events and deliveries are written by triggers, in the transaction that
 * they tell of (see the migration `webhook_rules`); `webhooks/` owns the endpoints and what becomes of deliveries.
 */
import { sql } from 'drizzle-orm';
import { bigint, check, index, integer, jsonb, pgTable, text, unique, uuid } from 'drizzle-orm/pg-core';
import { merchants } from './accounts.ts';
import { at } from './columns.ts';

export type DeliveryState = 'waiting' | 'queued' | 'delivered' | 'dead';

export const webhookEndpoints = pgTable(
  'webhook_endpoints',
  {
    id: uuid('id').primaryKey(),
    merchantId: uuid('merchant_id')
      .notNull()
      .references(() => merchants.id),
    idempotencyKey: text('idempotency_key').notNull().unique('webhook_endpoints_idempotency_key'),
    url: text('url').notNull(),
    events: text('events').array().notNull(),
    /** Secrets are derived from the server's key, the id and this number; none is stored. */
    secretVersion: integer('secret_version').notNull().default(1),
    /** For a day afterwards what is sent is signed with the former secret as well. */
    secretChangedAt: at('secret_changed_at').notNull(),
    createdAt: at('created_at').notNull(),
    disabledAt: at('disabled_at'),
    /** For ever, and no longer listed; its deliveries stay. */
    deletedAt: at('deleted_at'),
  },
  (t) => [
    index('webhook_endpoints_merchant').on(t.merchantId),
    check('webhook_endpoints_events', sql`cardinality(${t.events}) > 0`),
    check('webhook_endpoints_deleted', sql`${t.deletedAt} is null or ${t.disabledAt} is not null`),
  ],
);

export const webhookEvents = pgTable(
  'webhook_events',
  {
    id: uuid('id').primaryKey().default(sql`gen_random_uuid()`),
    merchantId: uuid('merchant_id')
      .notNull()
      .references(() => merchants.id),
    type: text('type').notNull(),
    /** What it is about: one event of a type about one thing, whatever tells it again. */
    subject: text('subject').notNull(),
    data: jsonb('data').$type<Readonly<Record<string, unknown>>>().notNull(),
    createdAt: at('created_at').notNull().defaultNow(),
  },
  (t) => [unique('webhook_events_once').on(t.merchantId, t.type, t.subject)],
);

export const webhookDeliveries = pgTable(
  'webhook_deliveries',
  {
    id: uuid('id').primaryKey().default(sql`gen_random_uuid()`),
    /** The order of lists: what one transaction tells has one time. */
    sequence: bigint('sequence', { mode: 'bigint' }).notNull().generatedAlwaysAsIdentity(),
    merchantId: uuid('merchant_id').notNull(),
    eventId: uuid('event_id')
      .notNull()
      .references(() => webhookEvents.id),
    endpointId: uuid('endpoint_id')
      .notNull()
      .references(() => webhookEndpoints.id),
    state: text('state').$type<DeliveryState>().notNull().default('waiting'),
    attempts: integer('attempts').notNull().default(0),
    /** HTTP status of the last answer; null when there was none. */
    lastStatus: integer('last_status'),
    /** Why the last attempt was none, as a closed code. */
    lastError: text('last_error'),
    createdAt: at('created_at').notNull().defaultNow(),
    lastAttemptAt: at('last_attempt_at'),
    deliveredAt: at('delivered_at'),
  },
  (t) => [
    unique('webhook_deliveries_once').on(t.eventId, t.endpointId),
    index('webhook_deliveries_waiting').on(t.createdAt).where(sql`${t.state} = 'waiting'`),
    index('webhook_deliveries_merchant').on(t.merchantId, t.sequence),
    check('webhook_deliveries_state', sql`${t.state} in ('waiting', 'queued', 'delivered', 'dead')`),
    check('webhook_deliveries_delivered', sql`(${t.state} = 'delivered') = (${t.deliveredAt} is not null)`),
  ],
);
