/** Tables of the operator: what was done, by whom and why, and who is suspended. Written by `operator/` only. */
import { sql } from 'drizzle-orm';
import { check, index, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { users } from './accounts.ts';
import { at } from './columns.ts';

export type StoredAct =
  | 'user_found'
  | 'user_suspended'
  | 'user_restored'
  | 'sessions_ended'
  | 'quarantine_released'
  | 'case_judged'
  | 'operator_appointed';
export type StoredVerdict = 'fraud' | 'no_fraud';

/** The audit log: the application's role may add rows and change none. */
export const operatorActs = pgTable(
  'operator_acts',
  {
    /** In the order of time. */
    id: uuid('id').primaryKey(),
    /** Of an appointment, which is done at the server's terminal: who was appointed. */
    operatorId: uuid('operator_id')
      .notNull()
      .references(() => users.id),
    act: text('act').$type<StoredAct>().notNull(),
    /** The user, enrolment or case that it was done to. */
    subjectId: uuid('subject_id').notNull(),
    verdict: text('verdict').$type<StoredVerdict>(),
    reason: text('reason').notNull(),
    at: at('at').notNull(),
  },
  (t) => [
    index('operator_acts_subject').on(t.subjectId, t.id),
    check(
      'operator_acts_act',
      sql`${t.act} in ('user_found', 'user_suspended', 'user_restored', 'sessions_ended', 'quarantine_released', 'case_judged', 'operator_appointed')`,
    ),
    check('operator_acts_verdict', sql`(${t.act} = 'case_judged') = (${t.verdict} is not null)`),
    check('operator_acts_verdict_kind', sql`${t.verdict} in ('fraud', 'no_fraud')`),
    // Who looks somebody up is written down and not asked why.
    check('operator_acts_reason', sql`length(${t.reason}) > 0 or ${t.act} = 'user_found'`),
  ],
);

/** Who may not sign in, a row for every time. Ended, never deleted. */
export const suspensions = pgTable(
  'suspensions',
  {
    id: uuid('id').primaryKey(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id),
    reason: text('reason').notNull(),
    since: at('since').notNull(),
    endedAt: at('ended_at'),
  },
  (t) => [uniqueIndex('suspensions_living').on(t.userId).where(sql`${t.endedAt} is null`)],
);
