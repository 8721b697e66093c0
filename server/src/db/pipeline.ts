/**
 * A transaction in two round trips, for what many callers wait for together: it begins with a question, and what follows from
 * the answer goes out in one statement with the commit behind it. Or in one round trip, where nothing has to be known in between:
 * its locks wait for no answer of ours.
 *
 * Never: two transactions at a time on one connection, or a value for what is not committed.
 */
import { type Db, lanesOf } from './client.ts';
import { isRefusal, type LaneSession } from './lane-session.ts';
import { RetryTransaction, sqlState, withRetries } from './retry.ts';
import { sql, type Words } from './words.ts';

/** A migration changed what a prepared statement reads, or somebody between us and the database forgot it. */
const PLAN_GONE: ReadonlySet<string | undefined> = new Set(['26000', '0A000']);

export interface TwoSteps<A extends object, T> {
  readonly ask: Words;
  /** Pure, because it may run again. `value` is given out after the commit. */
  readonly write: (answer: readonly A[]) => { readonly statement: Words | null; readonly value: T };
}

/**
 * So many at a time as the database has lanes: whoever calls beyond that waits.
 * @throws what the database refused, after everything was rolled back
 */
export function inTwoSteps<A extends object, T>(db: Db, { ask, write }: TwoSteps<A, T>): Promise<T> {
  return onLane(db, async (session, beginning) => {
    try {
      const answer = await session.go([sql`begin`, ...beginning, ask]);
      const { statement, value } = write(answer as readonly A[]);
      await session.go(statement === null ? [sql`commit`] : [statement, sql`commit`]);
      return value;
    } catch (error) {
      if (isRefusal(error)) await session.go([sql`rollback`]).catch(() => session.drop());
      else session.drop();
      throw error;
    }
  });
}

/**
 * One behind the other, without waiting for an answer. A later one sees what was committed until an earlier one had its locks. They
 * fail, and nothing stands, when they find what must not be.
 * @returns what the last one answered, after the commit
 * @throws what the database refused first, after everything was rolled back
 */
export function inOneGo<A extends object>(db: Db, statements: readonly Words[]): Promise<readonly A[]> {
  return onLane(
    db,
    async (session, beginning) => (await session.go([...beginning, ...statements])) as readonly A[],
  );
}

type Work<T> = (session: LaneSession, beginning: readonly Words[]) => Promise<T>;

function onLane<T>(db: Db, work: Work<T>): Promise<T> {
  return lanesOf(db).use((lane) =>
    withRetries(async () => {
      try {
        return await lane.use((session) => work(session, lane.beginning));
      } catch (error) {
        if (!PLAN_GONE.has(sqlState(error))) throw error;
        lane.drop();
        throw new RetryTransaction('a plan was gone, and all is done again', { cause: error });
      }
    }),
  );
}
