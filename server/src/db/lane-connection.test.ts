/** What the lanes' connections are, and over which ways they come to be. */
import { createServer, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { cuttingProxy } from '../../test/cutting-proxy.ts';
import { type FreshDatabase, freshDatabase } from '../../test/fresh-database.ts';
import { tlsProxy } from '../../test/tls-proxy.ts';
import { type ConnectOptions, connect, type Db } from './client.ts';
import { inOneGo, inTwoSteps } from './pipeline.ts';
import { sql } from './words.ts';

let database: FreshDatabase;
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database.close());

function open(url: string, more: Partial<ConnectOptions> = {}): Db {
  const pool = connect({ url, maxConnections: 1, ...more });
  onTestFinished(() => pool.close(1));
  return pool.db;
}
const one = (db: Db) => inOneGo<{ one: number }>(db, [sql`select 1 as one`]);
const setting = async (db: Db, name: string) =>
  (await inOneGo<{ value: string }>(db, [sql`select current_setting(${name}) as value`]))[0]?.value;

test('a lane has the session that it needs', async () => {
  const db = open(database.appUrl);
  const names = [
    'application_name',
    'lock_timeout',
    'statement_timeout',
    'enable_seqscan',
    'plan_cache_mode',
  ];
  const values = [];
  for (const name of names) values.push(await setting(db, name));
  expect(values).toEqual(['tikiwallet', '300ms', '1min', 'off', 'force_generic_plan']);
});

test('a lane takes on the role that its pool has', async () => {
  const db = open(database.ownerUrl, { role: 'tiki_app' });
  expect(await inOneGo(db, [sql`select current_user::text as who`])).toEqual([{ who: 'tiki_app' }]);
});

test('what the URL says of the session comes before what we say, whatever it is made of', async () => {
  const url = new URL(database.appUrl);
  url.searchParams.set('statement_timeout', '7000');
  url.searchParams.set('application_name', "it's a \\ back slash");
  url.searchParams.set('options', '-c work_mem=5MB');
  url.searchParams.set('search_path', '"a b\\c", public');
  const db = open(url.href);
  const names = ['statement_timeout', 'application_name', 'work_mem', 'search_path', 'lock_timeout'];
  const values = [];
  for (const name of names) values.push(await setting(db, name));
  expect(values).toEqual(['7s', "it's a \\ back slash", '5MB', '"a b\\c", public', '300ms']);
});

test('behind a pooler nothing is kept in a session, and each transaction has what it needs', async () => {
  const db = open(database.appUrl, { isPooled: true });
  const ask = sql`
    select current_setting('lock_timeout') as lock, current_setting('enable_seqscan') as scan,
      (select count(*)::int from pg_prepared_statements) as kept`;
  const expected = { lock: '300ms', scan: 'off', kept: 0 };
  expect(await inOneGo(db, [ask])).toEqual([expected]);
  expect(await inOneGo(db, [ask])).toEqual([expected]);
  const value = await inTwoSteps<typeof expected, unknown>(db, {
    ask,
    write: ([answer]) => ({ statement: null, value: answer }),
  });
  expect(value).toEqual(expected);
  await expect(inOneGo(db, [sql`select 1 / 0`])).rejects.toMatchObject({ code: '22012' });
  expect(await inOneGo(db, [ask])).toEqual([expected]);
});

test('statements are prepared once', async () => {
  const db = open(database.appUrl);
  const kept = () =>
    inOneGo<{ n: number }>(db, [sql`select 1`, sql`select count(*)::int as n from pg_prepared_statements`]);
  await kept();
  expect(await kept()).toEqual([{ n: 2 }]);
  expect(await kept()).toEqual([{ n: 2 }]);
});

test('who has the wrong password is told so, each time', async () => {
  const url = new URL(database.appUrl);
  url.password = 'wrong';
  const db = open(url.href);
  await expect(one(db)).rejects.toMatchObject({ code: '28P01' });
  await expect(one(db)).rejects.toMatchObject({ code: '28P01' });
});

test('where nobody listens everybody is told so', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const db = open(`postgres://nobody@127.0.0.1:${port}/nothing`);
  const asked = await Promise.allSettled([one(db), one(db), one(db)]);
  for (const each of asked)
    expect(each).toMatchObject({ status: 'rejected', reason: { code: 'ECONNREFUSED' } });
});

test('of several places the first that writes is taken', async () => {
  const url = new URL(database.appUrl);
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const places = `127.0.0.1:${port},${url.hostname}:${url.port}`;
  const several = (given: URL) => given.href.replace(given.host, places);
  expect(await one(open(several(url)))).toEqual([{ one: 1 }]);
  url.searchParams.set('default_transaction_read_only', 'on');
  const onlyReads = open(several(url));
  await expect(one(onlyReads)).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' });
});

test.each([
  ['sslmode=require', 'S', { one: 1 }],
  ['sslmode=prefer', 'S', { one: 1 }],
  ['sslmode=prefer', 'N', { one: 1 }],
  ['sslmode=require', 'N', 'TLS_REFUSED'],
  ['sslmode=require', 'SE', 'TLS_REFUSED'],
  ['sslmode=verify-full', 'S', 'DEPTH_ZERO_SELF_SIGNED_CERT'],
])('over TLS, asked for with %s and answered with %s', async (mode, answer, expected) => {
  const proxy = await tlsProxy(database.appUrl);
  onTestFinished(() => proxy.close());
  proxy.answer(answer);
  const db = open(proxy.url(mode));
  const got = await one(db).then(
    ([row]) => row,
    (error: Error & { code?: string }) => error.code,
  );
  expect(got).toEqual(expected);
});

test.each(['ends', 'resets'] as const)('who asks after an idle connection %s is answered', async (how) => {
  const proxy = await tlsProxy(database.appUrl);
  onTestFinished(() => proxy.close());
  const db = open(proxy.url('sslmode=require'));
  const pid = async () =>
    (await inOneGo<{ pid: number }>(db, [sql`select pg_backend_pid() as pid`]))[0]?.pid ?? 0;
  const first = await pid();
  proxy.cut(how, 'all');
  // The first may still find the one that is just going.
  const second = await pid().catch(pid);
  expect(second).not.toBe(first);
});

test('a database that ends the connection in words is not asked over it again', async () => {
  const db = open(database.appUrl);
  const pid = async () =>
    (await inOneGo<{ pid: number }>(db, [sql`select pg_backend_pid() as pid`]))[0]?.pid ?? 0;
  const first = await pid();
  await database.owner`select pg_terminate_backend(${first}, 10000)`;
  expect(await pid().catch(pid)).not.toBe(first);
  await expect(inOneGo(db, [sql`select pg_terminate_backend(pg_backend_pid())`])).rejects.toMatchObject({
    code: '57P01',
  });
  expect(await one(db)).toEqual([{ one: 1 }]);
});

test('a pool is closed in time though the other side has fallen silent', async () => {
  const proxy = await cuttingProxy(database.appUrl);
  onTestFinished(() => proxy.close());
  const pool = connect({ url: proxy.url, maxConnections: 1 });
  await one(pool.db);
  proxy.silence();
  await pool.close(0.2);
  await expect(one(pool.db)).rejects.toMatchObject({ code: 'CONNECTION_ENDED' });
});

test('long statements and long answers come through', async () => {
  const db = open(database.appUrl);
  const long = 'x'.repeat(5_000_000);
  const [row] = await inOneGo<{ back: string }>(db, [sql`select 1`, sql`select ${long}::text as back`]);
  expect(row?.back === long).toBe(true);
});
