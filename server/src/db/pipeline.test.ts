import type { Sql } from 'postgres';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { type FreshDatabase, freshDatabase } from '../../test/fresh-database.ts';
import { connect } from './client.ts';
import { inTwoSteps } from './pipeline.ts';

let database: FreshDatabase;
beforeAll(async () => {
  database = await freshDatabase();
  await database.owner`create table said (what text)`;
  await database.owner`grant insert on said to tiki_app`;
});
afterEach(() => vi.restoreAllMocks());
afterAll(() => database.close());

const LOCK = 7;
/** Nobody's while `whileLocked` does not hold it. */
const passLock = (sql: Sql) => sql`(select count(pg_advisory_xact_lock(${LOCK})))`;

/** @param work is done when somebody waits for the lock, which is free thereafter */
async function whileLocked<T>(begin: () => Promise<T>, work: () => void): Promise<PromiseSettledResult<T>> {
  const { owner } = database;
  const isWaitedFor = async (): Promise<true> => {
    const rows = await owner`
      select 1 from pg_locks where locktype = 'advisory' and objid = ${LOCK} and not granted
        and database = (select oid from pg_database where datname = current_database())`;
    return rows.length > 0 ? true : isWaitedFor();
  };
  let begun: Promise<PromiseSettledResult<T>[]> | undefined;
  await owner.begin(async (holder) => {
    await holder`select pg_advisory_xact_lock(${LOCK})`;
    begun = Promise.allSettled([begin()]);
    await isWaitedFor();
    work();
  });
  const [outcome] = (await begun) ?? [];
  if (outcome === undefined) throw new Error('nothing was begun');
  return outcome;
}

test('both steps are one transaction, also on a connection whose time is over between them', async () => {
  const timers = vi.spyOn(globalThis, 'setTimeout');
  const pool = connect({ url: database.appUrl, maxConnections: 1 });
  const run = () =>
    inTwoSteps<{ id: string }, string>(pool.db, {
      ask: (sql) => sql`select pg_current_xact_id()::text as id, ${passLock(sql)}`,
      write: ([asked], sql) => ({
        statement: sql`select 1 / (pg_current_xact_id()::text = ${asked?.id ?? ''})::int`,
        value: 'one',
      }),
    });
  expect(await run()).toBe('one');
  const outcome = await whileLocked(run, () => {
    // The driver ends its connections after half an hour or more, in the middle of what they do.
    for (const [end, ms = 0] of timers.mock.calls) if (ms >= 30 * 60_000) end();
  });
  expect(outcome).toEqual({ status: 'fulfilled', value: 'one' });
  await pool.close();
});

test('a value is given out for nothing that is not committed, also when the pool is closed under a large statement', async () => {
  const pool = connect({ url: database.appUrl, maxConnections: 1 });
  // More than a socket takes at once: the commit is not on its way yet when the statement is answered.
  const what = 'x'.repeat(2_000_000);
  let closed: Promise<void> | undefined;
  const outcome = await whileLocked(
    () =>
      inTwoSteps(pool.db, {
        ask: (sql) => sql`select 1`,
        write: (_, sql) => ({
          statement: sql`insert into said select ${what} from ${passLock(sql)} l`,
          value: 'said',
        }),
      }),
    () => {
      closed = pool.close();
    },
  );
  await closed;
  const said = await database.owner`select 1 from said`;
  expect([outcome.status, said.length]).toEqual(['rejected', 0]);
});
