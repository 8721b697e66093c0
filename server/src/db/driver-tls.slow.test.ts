/** Connections over TLS: what is asked for is checked, and however they are cut, nobody waits for ever. */
import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type FreshDatabase, freshDatabase } from '../../test/fresh-database.ts';
import { type TlsProxy, tlsProxy } from '../../test/tls-proxy.ts';
import { connect, type Database } from './client.ts';
import { openDriver } from './driver.ts';

let database: FreshDatabase;
let proxy: TlsProxy;
beforeAll(async () => {
  database = await freshDatabase();
  await database.owner`create table said (what text)`;
  await database.owner`grant select, insert on said to tiki_app`;
  proxy = await tlsProxy(database.appUrl);
});
afterAll(async () => {
  proxy.close();
  await database.close();
});

function over(mode: string, answer = 'S', maxConnections = 2): Database {
  proxy.answer(answer);
  const pool = connect({ url: proxy.url(mode), maxConnections });
  onTestFinished(() => pool.close(1));
  return pool;
}
/** How many statements of ours sleep. */
async function sleeping(): Promise<number> {
  const [row] = await database.owner<{ n: number }[]>`
    select count(*)::int as n from pg_stat_activity
    where datname = current_database() and state = 'active' and wait_event = 'PgSleep'`;
  return row?.n ?? 0;
}
const ask = (pool: Database) => pool.db.execute(sql`select 1 as one`).then((rows) => [...rows]);

test('statements, transactions and long answers come through', async () => {
  const pool = over('sslmode=require');
  expect(await ask(pool)).toEqual([{ one: 1 }]);
  await pool.db.transaction(async (tx) => {
    await tx.execute(sql`insert into said values ('over TLS')`);
    await tx.execute(sql`select 1`);
  });
  expect([...(await pool.db.execute(sql`select what from said`))]).toEqual([{ what: 'over TLS' }]);
  const long = 'x'.repeat(5_000_000);
  const [row] = await pool.db.execute<{ back: string }>(sql`select ${long}::text as back`);
  expect(row?.back === long).toBe(true);
});

test('a certificate of nobody known is refused where one has to be verified', async () => {
  await expect(ask(over('sslmode=verify-full'))).rejects.toMatchObject({
    cause: { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' },
  });
});

test('a certificate that is trusted is taken for its own host, and for no other', async () => {
  proxy.answer('S');
  const open = (url: string) => {
    const pool = openDriver(url, { max: 1, ssl: { ca: proxy.certificate } });
    onTestFinished(() => pool.end({ timeout: 1 }));
    return pool;
  };
  expect([...(await open(proxy.url(''))`select 1 as one`)]).toEqual([{ one: 1 }]);
  const elsewhere = open(proxy.url('').replace('localhost', '127.0.0.1'));
  await expect(elsewhere`select 1`).rejects.toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
});

test.each([
  ['no TLS', 'sslmode=require', 'N'],
  ['no TLS', 'sslmode=allow', 'N'],
  ['no TLS', 'sslmode=verify-full', 'N'],
  ['an error', 'sslmode=prefer', 'E'],
  ['more than it was asked', 'sslmode=require', 'SE'],
  ['more than it was asked', 'sslmode=prefer', 'NE'],
])('who answers with %s to %s is refused', async (_, mode, answer) => {
  await expect(ask(over(mode, answer))).rejects.toMatchObject({ cause: { code: 'TLS_REFUSED' } });
});

test('who prefers TLS does without it', async () => {
  expect(await ask(over('sslmode=prefer', 'N'))).toEqual([{ one: 1 }]);
  expect(await ask(over('sslmode=prefer', 'S'))).toEqual([{ one: 1 }]);
});

test('who is never answered is told so in time', async () => {
  proxy.answer('');
  const pool = openDriver(proxy.url('sslmode=require'), { max: 1, connect_timeout: 1 });
  onTestFinished(() => pool.end({ timeout: 1 }));
  await expect(pool`select 1`).rejects.toMatchObject({ code: 'CONNECT_TIMEOUT' });
  proxy.answer('S');
  // For a moment the pool may refuse without a try.
  const answers = () =>
    pool`select 1`.then(
      () => true,
      () => false,
    );
  await expect.poll(answers).toBe(true);
});

test.each(['ends', 'resets'] as const)(
  'who is told that the connection %s and asks again at once is answered',
  async (how) => {
    const pool = over('sslmode=require', 'S', 1);
    await ask(pool);
    const asked = pool.db.execute(sql`select pg_sleep(20)`);
    const again = asked.catch(() => ask(pool));
    await expect.poll(sleeping).toBe(1);
    proxy.cut(how, 'all');
    expect(await again).toEqual([{ one: 1 }]);
  },
);

test.each(['ends', 'resets'] as const)(
  'when the connection of a transaction %s, nothing more of it is done',
  async (how) => {
    await database.owner`truncate said`;
    const pool = over('sslmode=require', 'S', 1);
    let second: unknown;
    const transaction = pool.db.transaction(async (tx) => {
      await tx.execute(sql`insert into said values ('first')`);
      proxy.cut(how, 'all');
      await expect.poll(() => ask(pool).catch(() => null)).toEqual([{ one: 1 }]);
      second = await tx.execute(sql`insert into said values ('second')`).catch((error: Error) => error.cause);
    });
    await expect(transaction).rejects.toBeInstanceOf(Error);
    await expect.poll(() => second).toMatchObject({ code: 'CONNECTION_CLOSED' });
    expect([...(await database.owner`select what from said`)]).toEqual([]);
  },
);

test('however connections are cut, everybody who asks is answered or refused', async () => {
  const pool = over('sslmode=require', 'S', 3);
  const waiting = new Set<number>();
  const heard = { answered: 0, refused: 0 };
  let isOver = false;
  let calls = 0;
  const call = async (index: number) => {
    const id = (calls += 1);
    waiting.add(id);
    const asked =
      index % 3 === 0
        ? pool.db.transaction(async (tx) => {
            await tx.execute(sql`select ${id}::int`);
            await tx.execute(sql`select pg_sleep(0.002)`);
          })
        : pool.db.execute(sql`select ${id}::int, pg_sleep(0.001)`);
    const [{ status }] = await Promise.allSettled([asked]);
    heard[status === 'fulfilled' ? 'answered' : 'refused'] += 1;
    waiting.delete(id);
  };
  const callers = Array.from({ length: 24 }, async (_, index) => {
    while (!isOver) await call(index);
  });
  const until = performance.now() + 8000;
  while (performance.now() < until) {
    await delay(Math.random() * 200);
    proxy.cut(Math.random() < 0.5 ? 'ends' : 'resets', Math.random() < 0.1 ? 'all' : 'one');
  }
  isOver = true;
  await Promise.race([Promise.all(callers), delay(25_000)]);
  expect(waiting.size).toBe(0);
  expect(heard.answered).toBeGreaterThan(100);
  const again = () => ask(pool);
  expect(await again().catch(again)).toEqual([{ one: 1 }]);
});

test('while nobody is left connected for long enough, all who ask are told so, and are answered as soon as it is over', async () => {
  const pool = over('sslmode=require', 'S', 3);
  proxy.cutAfter(10);
  onTestFinished(() => proxy.cutAfter(null));
  let longestMs = 0;
  let isOver = false;
  const call = async () => {
    const since = performance.now();
    const [{ status }] = await Promise.allSettled([ask(pool)]);
    longestMs = Math.max(longestMs, performance.now() - since);
    return status === 'fulfilled';
  };
  const callers = Array.from({ length: 24 }, async () => {
    while (!isOver) await call();
  });
  // The driver by itself would dial once in ten seconds and more by then.
  await delay(4000);
  isOver = true;
  await Promise.all(callers);
  expect(longestMs).toBeLessThan(4000);
  proxy.cutAfter(null);
  const since = performance.now();
  const answered = Array.from({ length: 24 }, async () => {
    while (!(await call())) await delay(1);
  });
  await Promise.all(answered);
  expect(performance.now() - since).toBeLessThan(4000);
});

test('when a dial is never answered, all who wait for one hear of it, and not one after the other', async () => {
  proxy.answer('');
  const pool = openDriver(proxy.url('sslmode=require'), { max: 1, connect_timeout: 2 });
  onTestFinished(() => pool.end({ timeout: 1 }));
  const since = performance.now();
  const asked = await Promise.allSettled(Array.from({ length: 50 }, () => pool`select 1`));
  expect(asked.every(({ status }) => status === 'rejected')).toBe(true);
  // Fifty dials would take a hundred seconds.
  expect(performance.now() - since).toBeLessThan(20_000);
});
