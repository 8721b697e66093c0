/** Tables of the HTTP surface itself: answers kept for repeats, and rate limits shared by all processes. */
import { sql } from 'drizzle-orm';
import { check, index, integer, pgTable, primaryKey, text, timestamp, uuid } from 'drizzle-orm/pg-core';

const at = (name: string) => timestamp(name, { withTimezone: true });

export const idempotencyKeys = pgTable(
  'idempotency_keys',
  {
    userId: uuid('user_id').notNull(),
    /** Method and path template. */
    route: text('route').notNull(),
    key: text('key').notNull(),
    /** Hex SHA-256 of the request's path and body. */
    requestHash: text('request_hash').notNull(),
    /** Until then the first attempt is taken to be at work; afterwards another may take over. */
    lockedUntil: at('locked_until').notNull(),
    responseStatus: integer('response_status'),
    responseBody: text('response_body'),
    responseType: text('response_type'),
    createdAt: at('created_at').notNull().defaultNow(),
  },
  (t) => [
    primaryKey({ columns: [t.userId, t.route, t.key] }),
    index('idempotency_keys_age').on(t.createdAt),
    check('idempotency_keys_answer', sql`(${t.responseStatus} is null) = (${t.responseBody} is null)`),
  ],
);

/** The shape that rate-limiter-flexible's Drizzle store asks for. */
export const rateLimits = pgTable(
  'rate_limits',
  {
    key: text('key').primaryKey(),
    points: integer('points').notNull(),
    expire: at('expire'),
  },
  (t) => [index('rate_limits_expire').on(t.expire)],
);
