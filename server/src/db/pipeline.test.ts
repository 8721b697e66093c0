import { afterAll, afterEach, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { type FreshDatabase, freshDatabase } from '../../test/fresh-database.ts';
import { connect, type Database } from './client.ts';
import { openDriver } from './driver.ts';
import { inOneGo, inTwoSteps } from './pipeline.ts';
import { sql, Words } from './words.ts';

const LOCK = 7;
let database: FreshDatabase;
beforeAll(async () => {
  database = await freshDatabase();
  await database.owner`create table said (what text)`;
  await database.owner`grant insert, select on said to tiki_app`;
  // A lane waits for no lock for long by itself.
  await database.owner.unsafe(`
    create function pass_lock() returns void language sql set lock_timeout = 0 as 'select pg_advisory_xact_lock(${LOCK})'`);
  await database.owner`create table once (what text unique deferrable initially deferred)`;
  await database.owner`grant insert on once to tiki_app`;
});
afterEach(() => vi.restoreAllMocks());
afterAll(() => database.close());

function open(): Database {
  const pool = connect({ url: database.appUrl, maxConnections: 1 });
  onTestFinished(() => pool.close());
  return pool;
}

/** Nobody's while `whileLocked` does not hold it. */
const passLock = sql`(select count(*) from pass_lock())`;
const say = (what: string) => sql`insert into said values (${what})`;
const transactionId = sql`select pg_current_xact_id()::text as id`;

async function timesSaid(what: string): Promise<number> {
  return (await database.owner`select 1 from said where what = ${what}`).length;
}

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

const cutWhoWaits = async () => {
  await database.owner`
    select pg_terminate_backend(pid) from pg_locks
    where locktype = 'advisory' and objid = ${LOCK} and not granted`;
};

test('both steps are one transaction', async () => {
  const { db } = open();
  const ids = await inTwoSteps<{ id: string }, string>(db, {
    ask: transactionId,
    write: ([asked]) => ({
      statement: sql`insert into said select 'one' where pg_current_xact_id()::text = ${asked?.id ?? ''}`,
      value: 'written',
    }),
  });
  expect([ids, await timesSaid('one')]).toEqual(['written', 1]);
});

test('nothing is written where there is nothing to write, and the next one begins afresh', async () => {
  const { db } = open();
  const run = () =>
    inTwoSteps<{ id: string }, string>(db, {
      ask: transactionId,
      write: ([asked]) => ({ statement: null, value: asked?.id ?? '' }),
    });
  const ids = [await run(), await run()];
  expect(new Set(ids).size).toBe(2);
});

test('all that goes at once is one transaction, which answers with the last', async () => {
  const { db } = open();
  const [row] = await inOneGo<{ same: boolean; count: number }>(db, [
    sql`select set_config('test.id', pg_current_xact_id()::text, true)`,
    say('together'),
    sql`
      select current_setting('test.id') = pg_current_xact_id()::text as same,
        (select count(*)::int from said where what = 'together') as count`,
  ]);
  expect(row).toEqual({ same: true, count: 1 });
  expect(await timesSaid('together')).toBe(1);
});

test('a later statement sees what was committed until an earlier one had its lock', async () => {
  const { db } = open();
  const seen = await whileLocked(
    () =>
      inOneGo<{ count: number }>(db, [
        sql`select ${passLock}`,
        sql`select count(*)::int as count from said where what = 'meanwhile'`,
      ]),
    async () => {
      await database.owner`insert into said values ('meanwhile')`;
    },
  );
  expect(seen).toEqual({ status: 'fulfilled', value: [{ count: 1 }] });
});

test.each([0, 1, 2])('nothing stands when statement %i finds what it must not', async (place) => {
  const { db } = open();
  const run = (divisor: number) =>
    inOneGo(
      db,
      Array.from({ length: 3 }, (_, index) =>
        index === place ? sql`select 1 / ${divisor}::int` : say(`found ${place}`),
      ),
    );
  // Once with statements that the connection has not kept yet, and once with those that it has.
  await expect(run(0)).rejects.toMatchObject({ code: '22012' });
  await expect(run(0)).rejects.toMatchObject({ code: '22012' });
  expect(await timesSaid(`found ${place}`)).toBe(0);
  await run(1);
  expect(await timesSaid(`found ${place}`)).toBe(2);
});

test('what the commit refuses is refused, and nothing stands', async () => {
  const { db } = open();
  const once = sql`insert into once values ('once')`;
  await inOneGo(db, [once]);
  await expect(inOneGo(db, [say('refused'), once])).rejects.toMatchObject({ code: '23505' });
  const twoSteps = inTwoSteps(db, {
    ask: say('refused'),
    write: () => ({ statement: once, value: 'a value' }),
  });
  await expect(twoSteps).rejects.toMatchObject({ code: '23505' });
  expect(await timesSaid('refused')).toBe(0);
  expect(await inOneGo(db, [sql`select 1 as one`])).toEqual([{ one: 1 }]);
});

test.each(['the question', 'the answer'])(
  'when %s is refused nothing of both steps stands',
  async (which) => {
    const { db } = open();
    const run = (divisor: number) =>
      inTwoSteps(db, {
        ask: which === 'the question' ? sql`select 1 / ${divisor}::int` : say('stood'),
        write: () => ({
          statement: which === 'the question' ? say('stood') : sql`select 1 / ${divisor}::int`,
          value: 1,
        }),
      });
    const before = await timesSaid('stood');
    await expect(run(0)).rejects.toMatchObject({ code: '22012' });
    expect(await timesSaid('stood')).toBe(before);
    await run(1);
    expect(await timesSaid('stood')).toBe(before + 1);
  },
);

test('an error of our own between the steps leaves nothing, and the next one begins afresh', async () => {
  const { db } = open();
  const broken = inTwoSteps(db, {
    ask: say('broken'),
    write: () => {
      throw new Error('broken');
    },
  });
  await expect(broken).rejects.toThrow('broken');
  expect(await inOneGo(db, [sql`select count(*)::int as count from said where what = 'broken'`])).toEqual([
    { count: 0 },
  ]);
});

test.each([
  ['forgotten', 'deallocate all'],
  ['stale', 'alter table said add column more int'],
])('a statement that is %s is prepared again, and all is done again, once', async (what, sooner) => {
  const { db } = open();
  const insert = sql`insert into said (what) values (${what}) returning *`;
  await inOneGo(db, [sql`select 1`, insert]);
  await (sooner.startsWith('alter')
    ? database.owner.unsafe(sooner)
    : Promise.all([inOneGo(db, [new Words([sooner], [])]), inOneGo(db, [new Words([sooner], [])])]));
  await inOneGo(db, [say(what), insert]);
  await inTwoSteps(db, { ask: sql`select 1`, write: () => ({ statement: insert, value: 1 }) });
  expect(await timesSaid(what)).toBe(4);
});

test('what is asked of the database and never answered is given up, and keeps its lane from nobody', async () => {
  const timers = vi.spyOn(globalThis, 'setTimeout');
  const { db } = open();
  const look = () => inOneGo(db, [sql`select ${passLock}`]);
  let refused: Promise<unknown> | undefined;
  await whileLocked(
    () => {
      refused = look().catch((error: unknown) => error);
      return Promise.resolve();
    },
    () => {
      for (const [giveUp, ms = 0] of timers.mock.calls) if (ms === 200_000) giveUp();
      return expect(refused).resolves.toMatchObject({ code: 'CONNECTION_DESTROYED' });
    },
  );
  expect(await Promise.all([look(), look(), look()])).toHaveLength(3);
});

test('a connection that nobody uses says goodbye, and the next one who asks has another', async () => {
  const timers = vi.spyOn(globalThis, 'setTimeout');
  const { db } = open();
  const pid = async () =>
    (await inOneGo<{ pid: number }>(db, [sql`select pg_backend_pid() as pid`]))[0]?.pid ?? 0;
  const first = await pid();
  const idle = timers.mock.calls.filter(([, ms]) => ms === 60_000);
  expect(idle.length).toBeGreaterThan(0);
  for (const [end] of idle) end();
  const isGone = async () =>
    (await database.owner`select 1 from pg_stat_activity where pid = ${first}`).length === 0;
  await expect.poll(isGone, { timeout: 20_000 }).toBe(true);
  expect(await pid()).not.toBe(first);
});

test('while the pool is closed, what is on its way is waited for, and nobody is let in', async () => {
  const pool = connect({ url: database.appUrl, maxConnections: 1 });
  let closed: Promise<void> | undefined;
  const outcome = await whileLocked(
    () => inOneGo(pool.db, [say('closing'), sql`select ${passLock}`]),
    () => {
      closed = pool.close(20);
    },
  );
  await closed;
  expect([outcome.status, await timesSaid('closing')]).toEqual(['fulfilled', 1]);
  await expect(inOneGo(pool.db, [sql`select 1`])).rejects.toMatchObject({ code: 'CONNECTION_ENDED' });
});

test('whoever is on their way when a pool is not waited for any longer is told so', async () => {
  const pool = connect({ url: database.appUrl, maxConnections: 1 });
  const outcome = await whileLocked(
    () => inOneGo(pool.db, [sql`select ${passLock}`]),
    () => pool.close(0.01),
  );
  expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'CONNECTION_DESTROYED' } });
});

test.each(['in one go', 'in two steps'])(
  'a value is given out for nothing that is not committed when its connection is cut, %s',
  async (how) => {
    const { db } = open();
    const cut = await whileLocked<unknown>(
      () =>
        how === 'in one go'
          ? inOneGo(db, [say(how), sql`select ${passLock}`])
          : inTwoSteps(db, {
              ask: say(how),
              write: () => ({ statement: sql`select ${passLock}`, value: 'said' }),
            }),
      cutWhoWaits,
    );
    expect([cut.status, await timesSaid(how)]).toEqual(['rejected', 0]);
    expect(await inOneGo(db, [sql`select 1 as one`])).toEqual([{ one: 1 }]);
  },
);

test('two transactions at a time go over connections of their own, and a third waits for one of them', async () => {
  const { db } = open();
  const ids = await Promise.all([1, 2, 3].map(() => inOneGo<{ id: string }>(db, [transactionId])));
  expect(new Set(ids.map(([row]) => row?.id)).size).toBe(3);
});

test('answers are read as the driver reads them', async () => {
  const { db } = open();
  const driver = openDriver(database.appUrl, { max: 1 });
  onTestFinished(() => driver.end());
  const words = `select 1::int4 as i, 9007199254740993::int8 as b, true as t, null::text as n,
    '2026-01-02 03:04:05.678+00'::timestamptz as at, 'ä"\\{}'::text as s, '00000000-0000-0000-0000-000000000001'::uuid as u`;
  const [row] = await driver.unsafe(words);
  expect(await inOneGo(db, [new Words([words], [])])).toEqual([{ ...row }]);
});
