import { randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FreshDatabase, freshDatabase } from '../../test/fresh-database.ts';
import { createLogger } from '../log.ts';
import { migrate } from './migrate.ts';
import { openDatabase } from './open.ts';
import { pgArray } from './pg-array.ts';
import { executePrepared } from './prepared.ts';
import { inTransaction, RetryTransaction, sqlState } from './retry.ts';
import { rotateServerKey, serverKey } from './server-keys.ts';

let database: FreshDatabase;
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database.close());

const log = createLogger({ level: 'silent' });
const plain = {
  dataDir: '/nowhere',
  databaseReplicaUrl: null,
  databaseConnections: 2,
  isPooled: false,
  migrates: true,
  acceptsNewerSchema: false,
};

describe("the operator's own PostgreSQL", () => {
  test('one URL of the owner is enough: the server migrates with it and then acts as tiki_app', async () => {
    const settings = { ...plain, databaseOwnerUrl: null };
    const opened = await openDatabase({ ...settings, databaseUrl: database.ownerUrl }, log);
    const [row] = await opened.db.execute<{ who: string }>(sql`select current_user as who`);
    expect(row?.who).toBe('tiki_app');
    const change = opened.db
      .execute(sql`update ledger_entries set amount_minor = 1`)
      .then(() => 'changed', sqlState);
    expect(await change).toBe('42501');
    await opened.close();
  });

  test('with two URLs the server never connects as the owner after migrating', async () => {
    const settings = { ...plain, databaseOwnerUrl: database.ownerUrl };
    const opened = await openDatabase({ ...settings, databaseUrl: database.appUrl }, log);
    const [row] = await opened.db.execute<{ who: string }>(sql`select session_user as who`);
    expect(row?.who).toBe('tiki_app');
    await opened.close();
  });
});

describe('a server that does not migrate', () => {
  const settings = () => ({
    ...plain,
    databaseOwnerUrl: null,
    databaseUrl: database.appUrl,
    migrates: false,
  });

  test('works on the schema of its release as the application, with no credentials of the owner', async () => {
    const opened = await openDatabase(settings(), log);
    await opened.close();
  });

  test('refuses an older schema always, and a newer one unless it is told to accept it', async () => {
    const { owner } = database;
    const [last] = await owner<{ id: number; hash: string; created_at: string }[]>`
      delete from drizzle.__drizzle_migrations where created_at =
        (select max(created_at) from drizzle.__drizzle_migrations) returning *`;
    if (last === undefined) throw new Error('no migration was recorded');
    await expect(openDatabase(settings(), log)).rejects.toMatchObject({ code: 'schema_older' });
    const put = (createdAt: string) => owner`
      insert into drizzle.__drizzle_migrations (hash, created_at) values (${last.hash}, ${createdAt})`;
    await put(last.created_at);
    const future = String(Number(last.created_at) + 1);
    await put(future);
    await expect(openDatabase(settings(), log)).rejects.toMatchObject({ code: 'schema_newer' });
    await expect(migrate({ ownerUrl: database.ownerUrl })).rejects.toMatchObject({ code: 'schema_newer' });
    await (await openDatabase({ ...settings(), acceptsNewerSchema: true }, log)).close();
    await owner`delete from drizzle.__drizzle_migrations where created_at = ${future}`;
  });
});

describe('retries', () => {
  test('a transaction that the database wants again is run again, and its effects count once', async () => {
    let runs = 0;
    const key = randomUUID();
    await inTransaction(database.db, async (tx) => {
      runs += 1;
      await tx.execute(sql`insert into rate_limits (key, points) values (${key}, 1)`);
      if (runs < 3) throw new RetryTransaction('again');
    });
    const rows = await database.owner`select points from rate_limits where key = ${key}`;
    expect([runs, rows.length]).toEqual([3, 1]);
  });

  test('a deadlock ends with both having done their work', async () => {
    const keys = [randomUUID(), randomUUID()];
    for (const key of keys) await database.owner`insert into rate_limits (key, points) values (${key}, 0)`;
    const addInOrder = (order: readonly string[]) =>
      inTransaction(database.db, async (tx) => {
        for (const key of order) {
          await tx.execute(sql`update rate_limits set points = points + 1 where key = ${key}`);
          await tx.execute(sql`select pg_sleep(0.1)`);
        }
      });
    await Promise.all([addInOrder(keys), addInOrder(keys.toReversed())]);
    const rows = await database.owner<
      { points: number }[]
    >`select points from rate_limits where key in ${database.owner(keys)}`;
    expect(rows.map((row) => row.points)).toEqual([2, 2]);
  });

  test('any other error is not retried', async () => {
    let runs = 0;
    const work = inTransaction(database.db, () => {
      runs += 1;
      return Promise.reject(new Error('no'));
    });
    await expect(work).rejects.toThrow('no');
    expect(runs).toBe(1);
  });
});

test('the first statement that is kept in a transaction is planned by indexes like those behind it', async () => {
  const setting = sql`select current_setting('enable_seqscan') as scans`;
  const heard = await inTransaction(database.db, (tx) =>
    Promise.all([executePrepared(tx, setting), executePrepared(tx, setting)]),
  );
  expect(heard.map(([row]) => row)).toEqual([{ scans: 'off' }, { scans: 'off' }]);
});

test('array literals carry every string unchanged', async () => {
  const values = ['plain', '', 'a,b', '{}', '"quoted"', 'back\\slash', 'NULL', 'näme 漢字', "o'clock"];
  const [row] = await database.db.execute<{ back: string[] }>(
    sql`select to_json(${pgArray(values)}::text[]) as back`,
  );
  expect(row?.back).toEqual(values);
});

describe('keys of the server', () => {
  test('are made once, whoever asks first', async () => {
    const purpose = randomUUID();
    const ask = () =>
      serverKey(database.db, { purpose, make: () => ({ k: randomUUID() }), secret: undefined });
    const keys = await Promise.all(Array.from({ length: 6 }, ask));
    expect(new Set(keys.map((key) => key.material.k)).size).toBe(1);
  });

  test('are stored encrypted when a secret is set, and are useless without it', async () => {
    const purpose = randomUUID();
    const options = { purpose, make: () => ({ k: 'the key itself' }), secret: 'a secret of the operator' };
    expect((await serverKey(database.db, options)).material).toEqual({ k: 'the key itself' });
    expect((await serverKey(database.db, options)).material).toEqual({ k: 'the key itself' });
    const [row] = await database.owner<
      { material: object }[]
    >`select material from server_keys where purpose = ${purpose}`;
    expect(JSON.stringify(row?.material)).not.toContain('the key itself');
    await expect(serverKey(database.db, { ...options, secret: undefined })).rejects.toThrow(
      'TIKI_KEYS_SECRET',
    );
    await expect(serverKey(database.db, { ...options, secret: 'another secret entirely' })).rejects.toThrow();
  });

  test('none is made in clear beside encrypted ones, by a command that forgot the secret', async () => {
    const secret = 'a secret of the operator';
    const make = () => ({ k: 'the key itself' });
    const known = { purpose: randomUUID(), make, secret };
    await serverKey(database.db, known);
    const forgetful = { make, secret: undefined };
    await expect(serverKey(database.db, { ...forgetful, purpose: randomUUID() })).rejects.toThrow(
      'TIKI_KEYS_SECRET',
    );
    const rotation = { now: new Date(), keeps: 1 };
    await expect(
      rotateServerKey(database.db, { ...forgetful, purpose: known.purpose }, rotation),
    ).rejects.toThrow('TIKI_KEYS_SECRET');
    expect((await serverKey(database.db, known)).material).toEqual({ k: 'the key itself' });
  });
});

test('a migration that PostgreSQL ended for a deadlock with what was going on is run again', async () => {
  const database = await freshDatabase();
  const { owner } = database;
  // As on the first day, but for a table that refuses its first row. A sequence goes on where its transaction is rolled back.
  await owner.unsafe(`
    drop schema public cascade; drop schema drizzle cascade; create schema public; create schema drizzle;
    create sequence drizzle.tries;
    create table drizzle.__drizzle_migrations (id serial primary key, hash text not null, created_at bigint);
    create function drizzle.meet() returns trigger language plpgsql as $$
    begin
      if nextval('drizzle.tries') = 1 then raise exception 'deadlock detected' using errcode = 'deadlock_detected'; end if;
      return new;
    end $$;
    create trigger meet before insert on drizzle.__drizzle_migrations for each row execute function drizzle.meet()`);
  const { before, after } = await migrate({ ownerUrl: database.ownerUrl });
  expect(before).toBe(0);
  expect(after).toBeGreaterThan(before);
  await database.close();
});
