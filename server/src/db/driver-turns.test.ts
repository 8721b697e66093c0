/** What the driver would keep, skip or miss when things fall into one turn of the event loop, or one statement is one too many. */
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type CuttingProxy, cuttingProxy } from '../../test/cutting-proxy.ts';
import { type FreshDatabase, freshDatabase } from '../../test/fresh-database.ts';
import { type TlsProxy, tlsProxy } from '../../test/tls-proxy.ts';
import { openDriver } from './driver.ts';

/** By then the driver has what it was asked. */
const nextTick = () => new Promise<void>((resolve) => process.nextTick(resolve));

let database: FreshDatabase;
let plain: CuttingProxy;
let secure: TlsProxy;
beforeAll(async () => {
  database = await freshDatabase();
  [plain, secure] = await Promise.all([cuttingProxy(database.appUrl), tlsProxy(database.appUrl)]);
});
afterAll(async () => {
  plain.close();
  secure.close();
  await database.close();
});

function open(url: string, options: Parameters<typeof openDriver>[1]) {
  const pool = openDriver(url, options);
  onTestFinished(() => pool.end({ timeout: 1 }));
  return pool;
}

test.each([
  ['TCP', 'sslmode=prefer', 'N'],
  ['TLS', 'sslmode=require', 'S'],
])(
  'over %s a statement written in the turn in which its connection ends keeps no later one from being dialled',
  async (_, mode, answer) => {
    secure.answer(answer);
    const pool = open(secure.url(mode), { max: 1, connect_timeout: 2 });
    await pool`select 1`;
    secure.cut('resets', 'all');
    const heard: Promise<unknown>[] = [];
    // One in every turn, after what was written in the one before has gone out.
    for (let turns = 0; turns < 50; turns += 1) {
      heard.push(pool`select 1`.catch((error: unknown) => error));
      await nextTick();
      await turn();
    }
    const codes = (await Promise.all(heard)).map((one) => one instanceof Error && 'code' in one && one.code);
    expect(codes).not.toContain('CONNECT_TIMEOUT');
    expect([...(await pool`select 1 as one`)]).toEqual([{ one: 1 }]);
  },
);

test('a transaction that begins behind a hundred statements has a connection of its own', async () => {
  const pool = open(plain.url, { max: 1 });
  await pool`select 1`;
  const asked = Array.from({ length: 100 }, () => pool.unsafe('select 1').execute());
  const inside = pool.begin(async (tx) => {
    const [first] = await tx`select pg_current_xact_id()::text as id`;
    const [second] = await tx`select pg_current_xact_id()::text as id`;
    return [first, second];
  });
  await Promise.all(asked);
  const [first, second] = await inside;
  expect(first).toEqual(second);
  const [outside] = await pool`select pg_current_xact_id_if_assigned() as id`;
  expect(outside).toEqual({ id: null });
});

test('a dial that fails before anybody can listen costs the pool no connection', async () => {
  // The machine itself says no, and at once.
  const pool = open('postgres://nobody@255.255.255.255:5432/none', { max: 1, connect_timeout: 2 });
  for (let asked = 0; asked < 3; asked += 1)
    await expect(pool`select 1`).rejects.toMatchObject({ syscall: 'connect' });
});
