/**
 * A transaction in two round trips, for what many callers wait for together: it begins with a question, and what follows from
 * the answer goes out in one statement with the commit behind it.
 *
 * One statement, because a connection may be lost at any time: what was sent is rolled back with it, and of what was still to be
 * sent, on the next connection and outside of the transaction, nothing but the commit is left. Never: two transactions at a time,
 * or a value for a commit that another connection answered.
 */
import postgres, { type PendingQuery, type Row, type Sql } from 'postgres';
import { type Db, type Lane, laneOf } from './client.ts';
import { withRetries } from './retry.ts';

/** Longer than the database lets both statements take together. */
const LOST_AFTER_MS = 150_000;

export interface TwoSteps<A extends Row, T> {
  readonly ask: (sql: Sql) => PendingQuery<A[]>;
  /** Pure, because it may run again. `value` is given out after the commit. */
  readonly write: (
    answer: readonly A[],
    sql: Sql,
  ) => { readonly statement: PendingQuery<Row[]> | null; readonly value: T };
}

/**
 * One at a time for each database: whoever calls keeps others waiting.
 * @throws what the database refused, after everything was rolled back
 */
export function inTwoSteps<A extends Row, T>(db: Db, steps: TwoSteps<A, T>): Promise<T> {
  const lane = laneOf(db);
  return withRetries(() => run(lane, steps));
}

async function run<A extends Row, T>(lane: Lane, { ask, write }: TwoSteps<A, T>): Promise<T> {
  const { sql, losses } = lane.now();
  // An answer that never comes would keep everybody waiting who comes later.
  const watch = setTimeout(() => lane.renew(), LOST_AFTER_MS);
  try {
    // Counted when it has begun: before, a connection that nobody used may just be going.
    const [lost, answer] = await Promise.all([sql`begin`.then(losses), ask(sql)]);
    const { statement, value } = write(answer, sql);
    await Promise.all([...(statement === null ? [] : [statement]), sql`commit`]);
    // Not every answer comes from where the transaction was: a commit on the next connection ends nothing, and says no word of it.
    if (losses() !== lost) throw new Error('the connection was lost before the commit');
    return value;
  } catch (error) {
    // Where the commit was sent there is nothing to roll back, and this says so to nobody.
    if (isRefusal(error)) await sql`rollback`.catch(() => lane.renew());
    // The library would put what comes next on a connection that is just going, and never hear of it again.
    else lane.renew();
    throw error;
  } finally {
    clearTimeout(watch);
  }
}

/** The database said no and goes on with us; after everything else the state of the connection is unknown. */
function isRefusal(error: unknown): boolean {
  return error instanceof postgres.PostgresError && error.severity === 'ERROR';
}
