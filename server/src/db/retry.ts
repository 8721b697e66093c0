/**
 * Runs a transaction again when PostgreSQL itself asked for it.
 *
 * Owns: which SQLSTATEs are worth another try. Never: effects outside the database, because `work` may run twice.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { publish } from '../observe/facts.ts';
import { traced } from '../observe/tracing.ts';
import type { Db, Tx } from './client.ts';

/** Serialization failure and deadlock: the transaction was rolled back and did nothing. */
const RETRYABLE = new Set(['40001', '40P01']);
const MAX_ATTEMPTS = 6;

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

/** The name of the constraint that refused a row, when that is what went wrong. */
export function violatedConstraint(error: unknown): string | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ('constraint_name' in cause && typeof cause.constraint_name === 'string') return cause.constraint_name;
  }
  return undefined;
}

/**
 * Runs `work` in a transaction, and again with a growing, jittered pause after 40001 or 40P01.
 * @throws whatever `work` throws, or the last database error when every attempt was refused.
 */
export function inTransaction<T>(db: Db, work: (tx: Tx) => Promise<T>): Promise<T> {
  return withRetries(() => db.transaction(work));
}

/** The same for a transaction that `attempt` begins and ends itself. */
export async function withRetries<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tried = 1; ; tried += 1) {
    publish('transaction', { step: 'begun' });
    try {
      return await traced('transaction', attempt);
    } catch (error) {
      const state = sqlState(error);
      if (state === undefined || !RETRYABLE.has(state) || tried >= MAX_ATTEMPTS) throw error;
      publish('transaction', { step: 'retried' });
      await delay(Math.random() * 10 * 2 ** tried);
    } finally {
      publish('transaction', { step: 'ended' });
    }
  }
}
