/** What the lanes' connections are, and over which ways they come to be. */
import { randomUUID } from 'node:crypto';
import { type AddressInfo, connect as dial, createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { cuttingProxy } from '../../test/cutting-proxy.ts';
import { type FreshDatabase, freshDatabase } from '../../test/fresh-database.ts';
import { tlsProxy } from '../../test/tls-proxy.ts';
import { type ConnectOptions, connect, type Db } from './client.ts';
import { inOneGo, inTwoSteps } from './pipeline.ts';
import { sql } from './words.ts';

let database: FreshDatabase;
beforeAll(async () => {
  database = await freshDatabase();
  await database.owner`create table written (id text)`;
  await database.owner`grant insert on written to tiki_app`;
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

/** Whoever waits for the database between us, to say so otherwise. */
async function between(change: (chunk: Buffer, near: Socket) => Buffer | null) {
  const target = new URL(database.appUrl);
  const nears = new Set<Socket>();
  let dialled = 0;
  const server = createServer((near) => {
    dialled += 1;
    nears.add(near);
    const far = dial(Number(target.port), target.hostname);
    near.on('error', () => far.destroy());
    far.on('error', () => near.destroy());
    near.on('close', () => far.destroy());
    far.on('close', () => near.end());
    near.on('data', (chunk: Buffer) => far.write(chunk));
    far.on('data', (chunk: Buffer) => {
      const changed = change(chunk, near);
      if (changed !== null) near.write(changed);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    for (const near of nears) near.destroy();
  });
  const url = new URL(database.appUrl);
  url.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url: url.href, nears, dialled: () => dialled };
}

const transactionId = sql`select pg_current_xact_id()::text as id`;
/** Both transactions, which are one. */
function twoSteps(db: Db): Promise<readonly [string, string]> {
  let asked = '';
  return inTwoSteps<{ id: string }, null>(db, {
    ask: transactionId,
    write: ([row]) => {
      asked = row?.id ?? '';
      return { statement: sql`insert into written values (pg_current_xact_id()::text)`, value: null };
    },
  }).then(async () => {
    const [row] = await database.owner<{ id: string }[]>`select id from written where id = ${asked}`;
    return [asked, row?.id ?? 'another'] as const;
  });
}

test('where the first of several places is away there is one session, and both steps are in it', async () => {
  const url = new URL(database.appUrl);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const pool = connect({
    url: url.href.replace(url.host, `127.0.0.1:${port},${url.host}`),
    maxConnections: 1,
  });
  const pids = [];
  for (let time = 0; time < 4; time += 1) {
    const [row] = await inOneGo<{ pid: number }>(pool.db, [sql`select pg_backend_pid() as pid`]);
    pids.push(row?.pid ?? 0);
  }
  expect(new Set(pids).size).toBe(1);
  const [asked, written] = await twoSteps(pool.db);
  expect(written).toBe(asked);
  await pool.close();
  const [pid = 0] = pids;
  const isGone = async () =>
    (await database.owner`select 1 from pg_stat_activity where pid = ${pid}`).length === 0;
  await expect.poll(isGone, { timeout: 20_000 }).toBe(true);
});

test('a second step is not taken where the session ended right behind the answer to the first', async () => {
  const READY_IN_TRANSACTION = Buffer.from('Z\0\0\0\x05T', 'latin1');
  let held: Buffer | null = null;
  const way = await between((chunk) => {
    if (held !== null) {
      const both = Buffer.concat([held, chunk]);
      held = null;
      return both;
    }
    if (!chunk.subarray(-6).equals(READY_IN_TRANSACTION)) return chunk;
    // Its last words come with it, in one read.
    held = chunk;
    void database.owner`
      select pg_terminate_backend(pid) from pg_stat_activity
      where state = 'idle in transaction' and datname = current_database()`.execute();
    return null;
  });
  const before = await database.owner`select 1 from written`;
  await expect(twoSteps(open(way.url))).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' });
  expect(await database.owner`select 1 from written`).toHaveLength(before.length);
});

test('a refusal in another language is one, and the session goes on', async () => {
  const way = await between((chunk) =>
    Buffer.from(chunk.toString('latin1').replaceAll('SERROR\0', 'SFEHLE\0'), 'latin1'),
  );
  const db = open(way.url);
  for (let time = 0; time < 3; time += 1)
    await expect(inOneGo(db, [sql`select 1 / 0`])).rejects.toMatchObject({ code: '22012' });
  expect(way.dialled()).toBe(1);
});

test('in the moment when the other side ends, whoever asks is told what it was', async () => {
  const way = await between((chunk) => chunk);
  const codes = new Set<string>();
  for (let turns = 0; turns < 15; turns += 1) {
    const pool = connect({ url: way.url, maxConnections: 1 });
    await one(pool.db);
    for (const near of way.nears) near.end();
    for (let turn = 0; turn < turns; turn += 1) await new Promise(setImmediate);
    codes.add(
      await one(pool.db).then(
        () => 'answered',
        (error: Error & { code?: string }) => error.code ?? error.message,
      ),
    );
    await pool.close(1);
  }
  const allowed = new Set(['answered', 'CONNECTION_CLOSED', 'ECONNRESET', 'EPIPE']);
  expect([...codes].filter((code) => !allowed.has(code))).toEqual([]);
});

test.each([
  ['rows to copy', 'G', Buffer.from([0, 0, 0])],
  ['copied rows', 'd', Buffer.from('x')],
  ['rows held back', 's', Buffer.alloc(0)],
  ['a way to log in that nobody knows', 'R', Buffer.from([0, 0, 0, 7])],
])('a database that answers with %s ends no process', async (_, type, body) => {
  const message = (kind: string, content: Buffer) => {
    const head = Buffer.alloc(5);
    head.write(kind);
    head.writeInt32BE(content.length + 4, 1);
    return Buffer.concat([head, content]);
  };
  const welcome = Buffer.concat([message('R', Buffer.alloc(4)), message('Z', Buffer.from('I'))]);
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    let hasBegun = false;
    socket.on('data', () => {
      socket.write(type === 'R' || hasBegun ? message(type, body) : welcome);
      hasBegun = true;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const db = open(`postgres://u:p@127.0.0.1:${(server.address() as AddressInfo).port}/d`);
  await expect(one(db)).rejects.toBeInstanceOf(Error);
  await expect(one(db)).rejects.toBeInstanceOf(Error);
});

test('what the environment says to `pg` alone is not heard', async () => {
  vi.stubEnv('PGOPTIONS', '-c work_mem=5MB');
  vi.stubEnv('PGREPLICATION', 'database');
  vi.stubEnv('PGSSLMODE', 'require');
  vi.stubEnv('PGSSLNEGOTIATION', 'direct');
  onTestFinished(() => void vi.unstubAllEnvs());
  const db = open(database.appUrl);
  expect(await setting(db, 'work_mem')).toBe('4MB');
});

test('a password that takes more rounds than `pg` would allow by itself is taken', async () => {
  const { owner } = database;
  const role = `rounds_${randomUUID().replaceAll('-', '')}`;
  await owner.begin(async (tx) => {
    await tx`set local scram_iterations = 100001`;
    await tx.unsafe(`create role ${role} login password 'long'`);
  });
  onTestFinished(async () => {
    await owner.unsafe(`drop role ${role}`);
  });
  const url = new URL(database.appUrl);
  url.username = role;
  url.password = 'long';
  expect(await one(open(url.href))).toEqual([{ one: 1 }]);
});

test('times are read whatever the database writes by itself', async () => {
  const name = new URL(database.appUrl).pathname.slice(1);
  await database.owner.unsafe(`alter database "${name}" set datestyle = 'SQL, DMY'`);
  onTestFinished(async () => {
    await database.owner.unsafe(`alter database "${name}" reset datestyle`);
  });
  const at = new Date('2026-02-01T03:04:05.678Z');
  const ask = sql`select ${at.toISOString()}::timestamptz as at`;
  expect(await inOneGo(open(database.appUrl), [ask])).toEqual([{ at }]);
  expect(await inOneGo(open(database.appUrl, { isPooled: true }), [ask])).toEqual([{ at }]);
});

test('who waits for a lane when the pool is closed is told so, and nothing is opened for them', async () => {
  const pool = connect({ url: database.appUrl, maxConnections: 1 });
  const { owner } = database;
  await owner`
    create function wait_for_five() returns void language sql set lock_timeout = 0 as 'select pg_advisory_xact_lock(5)'`;
  const holder = await owner.reserve();
  await holder`select pg_advisory_lock(5)`;
  onTestFinished(async () => {
    await holder`select pg_advisory_unlock(5)`;
    holder.release();
  });
  const waiting = [1, 2].map(() => inOneGo(pool.db, [sql`select wait_for_five()`]));
  const late = one(pool.db);
  const all = Promise.allSettled([...waiting, late]);
  const isWaitedFor = async () =>
    (
      await owner`
        select 1 from pg_locks where locktype = 'advisory' and objid = 5 and not granted
          and database = (select oid from pg_database where datname = current_database())`
    ).length;
  await expect.poll(isWaitedFor, { timeout: 20_000 }).toBe(2);
  await pool.close(0.05);
  const codes = (await all).map(
    (each) => each.status === 'rejected' && (each.reason as { code?: string }).code,
  );
  expect(codes).toEqual(['CONNECTION_DESTROYED', 'CONNECTION_DESTROYED', 'CONNECTION_ENDED']);
});

test('long statements and long answers come through', async () => {
  const db = open(database.appUrl);
  const long = 'x'.repeat(5_000_000);
  const [row] = await inOneGo<{ back: string }>(db, [sql`select 1`, sql`select ${long}::text as back`]);
  expect(row?.back === long).toBe(true);
});
