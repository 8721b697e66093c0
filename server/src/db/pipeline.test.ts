import type { Sql } from 'postgres';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { type FreshDatabase, freshDatabase } from '../../test/fresh-database.ts';
import { connect } from './client.ts';
import {
  inItsTransaction,
  inOneGo,
  inOneLook,
  inTransactionOf,
  inTwoSteps,
  transactionId,
} from './pipeline.ts';

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
async function whileLocked<T>(
  begin: () => Promise<T>,
  work: () => void | Promise<void>,
): Promise<PromiseSettledResult<T>> {
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
    await work();
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
      ask: (sql) => sql`select ${transactionId(sql)} as id, ${passLock(sql)}`,
      write: ([asked], sql) => ({
        statement: sql`select ${inTransactionOf(sql, asked?.id ?? '')}`,
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

test('a connection that is just going because nobody used it is no loss', async () => {
  const timers = vi.spyOn(globalThis, 'setTimeout');
  const pool = connect({ url: database.appUrl, maxConnections: 1 });
  const run = () =>
    inTwoSteps(pool.db, {
      ask: (sql) => sql`select 1`,
      write: (_, sql) => ({ statement: sql`select 2`, value: 'two' }),
    });
  expect(await run()).toBe('two');
  const idle = timers.mock.calls.filter(([, ms]) => ms === 60_000);
  expect(idle.length).toBeGreaterThan(0);
  for (const [end] of idle) end();
  expect(await run()).toBe('two');
  await pool.close();
});

test('a look that the database never answers is given up, and keeps its lane from nobody', async () => {
  const timers = vi.spyOn(globalThis, 'setTimeout');
  const pool = connect({ url: database.appUrl, maxConnections: 1 });
  const look = () => inOneLook(pool.db, (sql) => sql`select ${passLock(sql)}`);
  let refused: Promise<unknown> | undefined;
  await whileLocked(
    () => {
      refused = look().catch((error: unknown) => error);
      return Promise.resolve();
    },
    () => {
      for (const [giveUp, ms = 0] of timers.mock.calls) if (ms === 150_000) giveUp();
      return expect(refused).resolves.toMatchObject({ code: 'CONNECTION_DESTROYED' });
    },
  );
  expect(await Promise.all([look(), look(), look()])).toHaveLength(3);
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

test('a statement whose plan is gone is not sent by itself: all is done again, once', async () => {
  const pool = connect({ url: database.appUrl, maxConnections: 1 });
  const run = (what: string, first: string) => {
    const questions = [first];
    return inTwoSteps<{ id: string }, string>(pool.db, {
      ask: (sql) => {
        const question = questions.pop();
        return question === undefined ? sql`select ${transactionId(sql)} as id` : sql.unsafe(question);
      },
      write: ([asked], sql) => ({
        statement: sql`
          with w as (insert into said values (${what})) select ${inTransactionOf(sql, asked?.id ?? '')}`,
        value: what,
      }),
    });
  };
  const counted = async (what: string) =>
    (await database.owner`select 1 from said where what = ${what}`).length;
  expect(await run('before', 'select pg_current_xact_id()::text as id')).toBe('before');
  expect(await run('after', 'deallocate all')).toBe('after');
  expect([await counted('before'), await counted('after')]).toEqual([1, 1]);
  await pool.close();
});

test('in one go, too: a statement whose plan is gone writes nothing outside of its transaction, and all is done again, once', async () => {
  const pool = connect({ url: database.appUrl, maxConnections: 1 });
  const run = (what: string, ...before: string[]) =>
    inOneGo<{ what: string }>(pool.db, {
      first: (sql) => sql.unsafe(before.pop() ?? 'select 1'),
      second: (sql) => sql`
        with w as (insert into said values (${what})) select ${what} as what, ${inItsTransaction(sql)}`,
    });
  const counted = async (what: string) =>
    (await database.owner`select 1 from said where what = ${what}`).length;
  expect(await run('sooner')).toMatchObject([{ what: 'sooner' }]);
  expect(await run('later', 'deallocate all')).toMatchObject([{ what: 'later' }]);
  expect([await counted('sooner'), await counted('later')]).toEqual([1, 1]);
  await pool.close();
});

test('in one go nothing stands when the first statement finds what it must not, and the next one finds the connection as it was', async () => {
  const pool = connect({ url: database.appUrl, maxConnections: 1 });
  const run = (divisor: number) =>
    inOneGo(pool.db, {
      first: (sql) => sql`select 1 / ${divisor}::int, ${inItsTransaction(sql)}`,
      second: (sql) => sql`with w as (insert into said values ('found')) select ${inItsTransaction(sql)}`,
    });
  await expect(run(0)).rejects.toMatchObject({ code: '22012' });
  expect(await database.owner`select 1 from said where what = 'found'`).toHaveLength(0);
  await run(1);
  expect(await database.owner`select 1 from said where what = 'found'`).toHaveLength(1);
  await pool.close();
});

test('a value is given out for nothing that is not committed in one go either, when its connection is cut', async () => {
  const pool = connect({ url: database.appUrl, maxConnections: 1 });
  const cut = await whileLocked(
    () =>
      inOneGo(pool.db, {
        first: (sql) => sql`select ${inItsTransaction(sql)}`,
        second: (sql) => sql`
          with w as (insert into said values ('cut')) select ${inItsTransaction(sql)}, ${passLock(sql)}`,
      }),
    () => {
      void database.owner`
        select pg_terminate_backend(pid) from pg_locks
        where locktype = 'advisory' and objid = ${LOCK} and not granted`.execute();
    },
  );
  const said = await database.owner`select 1 from said where what = 'cut'`;
  expect(cut.status === 'fulfilled').toBe(said.length === 1);
  await pool.close();
});

test('two transactions at a time go over connections of their own, and a third waits for one of them', async () => {
  const pool = connect({ url: database.appUrl, maxConnections: 1 });
  const run = () =>
    inTwoSteps<{ id: string }, string>(pool.db, {
      ask: (sql) => sql`select ${transactionId(sql)} as id`,
      write: ([asked], sql) => ({
        statement: sql`select ${inTransactionOf(sql, asked?.id ?? '')}`,
        value: asked?.id ?? '',
      }),
    });
  const ids = await Promise.all([run(), run(), run()]);
  expect(new Set(ids).size).toBe(3);
  await pool.close();
});
