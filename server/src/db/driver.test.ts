/** What becomes of a transaction whose connection is lost: by `pg_terminate_backend`, as when the database goes. */
import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type FreshDatabase, freshDatabase } from '../../test/fresh-database.ts';
import { connect, type Database, type Tx } from './client.ts';

let database: FreshDatabase;
let pool: Database;
beforeAll(async () => {
  database = await freshDatabase();
  await database.owner`create table said (what text)`;
  await database.owner`grant select, insert on said to tiki_app`;
  pool = connect({ url: database.appUrl, maxConnections: 1 });
});
beforeEach(() => database.owner`truncate said`);
afterAll(async () => {
  await pool.close();
  await database.close();
});

const say = (tx: Tx, what: string) => tx.execute(sql`insert into said values (${what})`);
const said = async () =>
  (await database.owner<{ what: string }[]>`select what from said`).map(({ what }) => what);
const pidOf = async (tx: Tx) =>
  (await tx.execute<{ pid: number }>(sql`select pg_backend_pid() as pid`))[0]?.pid ?? 0;
/** Others use the pool's one connection again when this is done. */
async function lose(pid: number): Promise<void> {
  await database.owner`select pg_terminate_backend(${pid})`;
  await expect
    .poll(() =>
      pool.db.execute(sql`select 1`).then(
        () => true,
        () => false,
      ),
    )
    .toBe(true);
}
const lost = { code: 'CONNECTION_CLOSED' };

/** Ends a session within its statement: as soon as it sleeps. */
async function endAsleep(pid: number): Promise<void> {
  const ended = await database.owner`
    select pg_terminate_backend(pid) from pg_stat_activity where pid = ${pid} and wait_event = 'PgSleep'`;
  if (ended.length === 0) await endAsleep(pid);
}

test('a connection that ends within a statement of a transaction ends no process, and is made anew', async () => {
  const transaction = pool.db.transaction(async (tx) => {
    const pid = await pidOf(tx);
    await say(tx, 'first');
    const sleeps = tx.execute(sql`select pg_sleep(20)`);
    await Promise.all([endAsleep(pid), sleeps]);
  });
  await expect(transaction).rejects.toBeInstanceOf(Error);
  // The next one may still hear why the one before ended.
  const later = () => pool.db.execute(sql`insert into said values ('later')`);
  await later().catch(later);
  expect(await said()).toEqual(['later']);
});

test('nothing of a transaction is done on another connection once its own is lost', async () => {
  let second: unknown;
  const transaction = pool.db.transaction(async (tx) => {
    await say(tx, 'first');
    await lose(await pidOf(tx));
    second = await say(tx, 'second').catch((error: Error) => error.cause ?? error);
  });
  await expect(transaction).rejects.toMatchObject(lost);
  await expect.poll(() => second).toMatchObject(lost);
  expect(await said()).toEqual([]);
});

test.each(['is done', 'gives up'])(
  'work that %s after its connection is lost ends nobody else’s transaction',
  async (how) => {
    const over = Promise.withResolvers<void>();
    const first = pool.db.transaction(async (tx) => {
      await lose(await pidOf(tx));
      await over.promise;
      if (how === 'gives up') throw new Error('no more');
    });
    await expect(first).rejects.toMatchObject(lost);
    await pool.db.transaction(async (tx) => {
      await say(tx, 'one');
      over.resolve();
      await delay(50);
      await say(tx, 'two');
      expect(await said()).toEqual([]);
    });
    expect(await said()).toEqual(['one', 'two']);
  },
);

test('within a savepoint, too', async () => {
  let second: unknown;
  const transaction = pool.db.transaction(async (tx) => {
    await tx.transaction(async (inner) => {
      await lose(await pidOf(inner));
      second = await say(inner, 'second').catch((error: Error) => error.cause ?? error);
    });
  });
  await expect(transaction).rejects.toMatchObject(lost);
  await expect.poll(() => second).toMatchObject(lost);
  const whole = pool.db.transaction(async (tx) => {
    await say(tx, 'outer');
    await tx
      .transaction(async (inner) => {
        await say(inner, 'inner');
        throw new Error('no');
      })
      .catch(() => undefined);
  });
  await whole;
  expect(await said()).toEqual(['outer']);
});
