/**
 * Runs a transaction again when PostgreSQL itself asked for it.
 *
 * Owns: which errors are worth another try. Never: effects outside the database, because `work` may run twice.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { publish } from '../observe/facts.ts';
import { traced } from '../observe/tracing.ts';
import type { Db, Tx } from './client.ts';

/** Serialization failure and deadlock: the transaction was rolled back and did nothing. */
const RETRYABLE = new Set(['40001', '40P01']);
const MAX_ATTEMPTS = 6;
/** Each is a statement that one connection has kept, so there are fewer than this. */
const MAX_STALE_PLANS = 100;

/** Thrown inside a transaction to have it rolled back and run afresh. */
export class RetryTransaction extends Error {
  readonly code = '40001';
}

/** The SQLSTATE of a database error, however deep Drizzle wrapped it; undefined for anything else. */
export function sqlState(error: unknown): string | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ('code' in cause && typeof cause.code === 'string' && /^[0-9A-Z]{5}$/.test(cause.code))
      return cause.code;
  }
  return undefined;
}

/**
 * A kept statement whose columns a migration gave other types since. The driver has forgotten it by now, but what it sends again by
 * itself comes too late for the transaction.
 */
function isStalePlan(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ('routine' in cause) return cause.routine === 'RevalidateCachedQuery';
  }
  return false;
}

/** The name of the constraint that refused a row, when that is what went wrong. */
export function violatedConstraint(error: unknown): string | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ('constraint_name' in cause && typeof cause.constraint_name === 'string') return cause.constraint_name;
  }
  return undefined;
}

/**
 * Runs `work` in a transaction, and again with a growing, jittered pause after 40001 or 40P01, at once when a kept plan was stale.
 * @throws whatever `work` throws, or the last database error when every attempt was refused.
 */
export function inTransaction<T>(db: Db, work: (tx: Tx) => Promise<T>): Promise<T> {
  return withRetries(() => db.transaction(work));
}

/** The same for a transaction that `attempt` begins and ends itself. */
export async function withRetries<T>(attempt: () => Promise<T>): Promise<T> {
  let tried = 1;
  let stale = 0;
  for (;;) {
    publish('transaction', { step: 'begun' });
    try {
      return await traced('transaction', attempt);
    } catch (error) {
      if (isStalePlan(error) && stale < MAX_STALE_PLANS) {
        stale += 1;
        publish('transaction', { step: 'retried' });
        continue;
      }
      const state = sqlState(error);
      if (state === undefined || !RETRYABLE.has(state) || tried >= MAX_ATTEMPTS) throw error;
      publish('transaction', { step: 'retried' });
      await delay(Math.random() * 10 * 2 ** tried);
      tried += 1;
    } finally {
      publish('transaction', { step: 'ended' });
    }
  }
}
