/**
 * A transaction in two round trips, for what many callers wait for together: it begins with a question, and what follows from
 * the answer goes out in one statement with the commit behind it. Or in one round trip, where nothing has to be known in between:
 * its locks wait for no answer of ours.
 *
 * One statement after the question, because a connection may be lost at any time: what was sent is rolled back with it, and of what was still to be
 * sent, on the next connection and outside of the transaction, nothing but the commit is left. Never: two transactions at a time
 * on one connection, or a value for a commit that another connection answered.
 */
import postgres, { type PendingQuery, type Row, type Sql } from 'postgres';
import { type Db, lanesOf } from './client.ts';
import type { Lane } from './lanes.ts';
import { RetryTransaction, sqlState, withRetries } from './retry.ts';

/** Longer than the database lets both statements take together. */
const LOST_AFTER_MS = 150_000;

/**
 * The driver sends a prepared statement again by itself when its plan is gone (a migration changed what it reads): what was
 * asked is rolled back by then, and what is written would stand by itself.
 */
const PLAN_GONE: ReadonlySet<string | undefined> = new Set(['26000', '0A000']);

/**
 * Part of what each statement of {@link inOneGo} selects: outside of the transaction that it was sent for it fails, and all of it
 * with it. That transaction alone is begun as deferrable, which means nothing else to one that reads what is committed.
 */
export const inItsTransaction = (sql: Sql) =>
  sql`1 / (current_setting('transaction_deferrable') = 'on')::int`;

/** Part of the answer, for {@link inTransactionOf}. */
export const transactionId = (sql: Sql) => sql`pg_current_xact_id()::text`;

/** Part of what the second statement selects: outside of the transaction that answered it fails, and all of it with it. */
export const inTransactionOf = (sql: Sql, id: string) => sql`1 / (pg_current_xact_id()::text = ${id})::int`;

export interface TwoSteps<A extends Row, T> {
  readonly ask: (sql: Sql) => PendingQuery<A[]>;
  /** Pure, because it may run again. `value` is given out after the commit. The statement holds {@link inTransactionOf}. */
  readonly write: (
    answer: readonly A[],
    sql: Sql,
  ) => { readonly statement: PendingQuery<Row[]> | null; readonly value: T };
}

/**
 * So many at a time as the database has lanes: whoever calls beyond that waits.
 * @throws what the database refused, after everything was rolled back
 */
export function inTwoSteps<A extends Row, T>(db: Db, steps: TwoSteps<A, T>): Promise<T> {
  return lanesOf(db).use((lane) => withRetries(() => run(lane, steps)));
}

/** Both hold {@link inItsTransaction}, and fail when they find what must not be. */
export interface OneGo<A extends Row> {
  /** Locks, and looks. */
  readonly first: (sql: Sql) => PendingQuery<Row[]>;
  /** Sees what was committed until the locks were had. */
  readonly second: (sql: Sql) => PendingQuery<A[]>;
}

/**
 * Two statements and the commit, one behind the other, without waiting for an answer.
 * @returns what the second one answered, after the commit
 * @throws what the database refused first, after everything was rolled back
 */
export function inOneGo<A extends Row>(db: Db, steps: OneGo<A>): Promise<readonly A[]> {
  return lanesOf(db).use((lane) => withRetries(() => runInOneGo(lane, steps)));
}

/** One statement by itself, which only reads. @throws what the database refused, or that it did not answer */
export function inOneLook<A extends Row>(
  db: Db,
  look: (sql: Sql) => PendingQuery<A[]>,
): Promise<readonly A[]> {
  return lanesOf(db).use(async (lane) => {
    // Whoever waits for the lane would wait as long.
    const watch = setTimeout(() => lane.renew(), LOST_AFTER_MS);
    try {
      return await look(lane.now().sql);
    } catch (error) {
      if (!isRefusal(error)) lane.renew();
      throw error;
    } finally {
      clearTimeout(watch);
    }
  });
}

async function runInOneGo<A extends Row>(lane: Lane, { first, second }: OneGo<A>): Promise<readonly A[]> {
  const { sql, losses, settings } = lane.now();
  const watch = setTimeout(() => lane.renew(), LOST_AFTER_MS);
  // All four, so that nothing is on its way any more when somebody else takes the lane.
  const [begun, looked, written, ended] = await Promise.allSettled([
    sql.unsafe(`begin deferrable${settings}`).then(losses),
    first(sql),
    second(sql),
    sql.unsafe('commit'),
  ]);
  clearTimeout(watch);
  const reasons = [begun, looked, written, ended].flatMap((one) =>
    one.status === 'rejected' ? [one.reason as unknown] : [],
  );
  // What the database refused ended with the commit, which rolled it back. Otherwise the connection's state is unknown.
  if (!reasons.every(isRefusal)) lane.renew();
  const [refused] = reasons;
  if (PLAN_GONE.has(sqlState(refused)))
    throw new RetryTransaction('a plan was gone, and all is done again', { cause: refused });
  if (written.status === 'rejected' || begun.status === 'rejected' || reasons.length > 0) throw refused;
  if (losses() !== begun.value) throw new Error('the connection was lost before the commit');
  return written.value;
}

async function run<A extends Row, T>(lane: Lane, { ask, write }: TwoSteps<A, T>): Promise<T> {
  const { sql, losses, settings } = lane.now();
  // An answer that never comes would keep everybody waiting who comes later.
  const watch = setTimeout(() => lane.renew(), LOST_AFTER_MS);
  try {
    // These three are never prepared: one whose plan is gone would be sent again, behind what was to come after it.
    // Counted when it has begun: before, a connection that nobody used may just be going.
    const [lost, answer] = await Promise.all([sql.unsafe(`begin${settings}`).then(losses), ask(sql)]);
    const { statement, value } = write(answer, sql);
    await Promise.all([...(statement === null ? [] : [statement]), sql.unsafe('commit')]);
    // Not every answer comes from where the transaction was: a commit on the next connection ends nothing, and says no word of it.
    if (losses() !== lost) throw new Error('the connection was lost before the commit');
    return value;
  } catch (error) {
    // Where the commit was sent there is nothing to roll back, and this says so to nobody.
    if (isRefusal(error)) await sql.unsafe('rollback').catch(() => lane.renew());
    // The library would put what comes next on a connection that is just going, and never hear of it again.
    else lane.renew();
    if (PLAN_GONE.has(sqlState(error)))
      throw new RetryTransaction('a plan was gone, and all is done again', { cause: error });
    throw error;
  } finally {
    clearTimeout(watch);
  }
}

/** The database said no and goes on with us; after everything else the state of the connection is unknown. */
function isRefusal(error: unknown): boolean {
  return error instanceof postgres.PostgresError && error.severity === 'ERROR';
}
