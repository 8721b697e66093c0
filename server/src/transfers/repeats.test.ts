/** Whoever sends a transfer again hears what was said the first time, whatever has happened since, and whoever else sends it now. */
import { randomUUID } from 'node:crypto';
import { test as property, fc } from '@fast-check/vitest';
import { Hono } from 'hono';
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from 'vitest';
import { addCustomers } from '../../test/bench/market.ts';
import { startTestServer, type TestServer } from '../../test/test-server.ts';
import { maskName, maskPhone } from '../accounts/index.ts';
import { connect } from '../db/client.ts';
import { ApiProblem } from '../http/problem.ts';
import { createIdempotency } from '../http/idempotency.ts';
import type { AppEnv } from '../http/router.ts';
import { balances, reconcile } from '../ledger/index.ts';
import { OnlineTransfers } from './send-at-once.ts';
import { shownOf } from './transfer.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterEach(async () => {
  expect(await reconcile(server.context.db)).toMatchObject({ sound: true });
});
afterAll(() => server.close());

interface Customer {
  readonly userId: string;
  readonly phone: string;
  readonly sessionId: string;
}

async function customers(...balancesMinor: readonly bigint[]): Promise<readonly [Customer, Customer]> {
  const { context, database } = server;
  const made: Customer[] = [];
  for (const balanceMinor of balancesMinor) {
    const [added] = await addCustomers({ context, owner: database.owner }, 1, balanceMinor);
    if (added === undefined) throw new Error('nobody was added');
    const { id: sessionId } = await context.sessions.open(added.userId, { client: 'agent' });
    made.push({ userId: added.userId, phone: added.phone, sessionId });
  }
  const [first, second] = made;
  if (first === undefined || second === undefined) throw new Error('two were asked for');
  return [first, second];
}

interface Wish {
  readonly from: Customer;
  readonly phone: string;
  readonly amountMinor: string;
  readonly note?: string;
  readonly key: string;
}

type Send = (wish: Wish) => Promise<string>;

/** What one hears: the answer's body, or the code of a refusal. */
function sender(transfers = new OnlineTransfers(server.context)): Send {
  return async ({ from, phone, amountMinor, note, key }) => {
    const app = new Hono<AppEnv>();
    app.post('/', async (c) => {
      const signedIn = { ...from, role: 'customer', merchantId: null } as const;
      return c.body(await transfers.send(c, signedIn, { phone, amountMinor, note }));
    });
    app.onError((error, c) => c.text(error instanceof ApiProblem ? error.code : String(error), 400));
    const answer = await app.request('/', { method: 'POST', headers: { 'idempotency-key': key } });
    return answer.text();
  };
}

/** Another process, with connections of its own. @param isCounted false: tries are not, so that nobody waits for another's */
function anotherProcess({ isCounted = true } = {}): Send {
  const pool = connect({ url: server.database.appUrl, maxConnections: 4 });
  onTestFinished(() => pool.close());
  const { context } = server;
  const idempotency = createIdempotency(pool.db, context.clock);
  const limits = isCounted ? context.limits : { ...context.limits, take: () => Promise.resolve() };
  return sender(new OnlineTransfers({ ...context, db: pool.db, idempotency, limits }));
}

const wishOf = (from: Customer, to: Customer): Wish => ({
  from,
  phone: to.phone,
  amountMinor: '100',
  note: 'lunch',
  key: randomUUID(),
});
const kept = async ({ key }: Wish) =>
  server.database.owner<{ response_status: number | null }[]>`
    select response_status from idempotency_keys where key = ${key}`;
const holding = async ({ userId }: Customer) =>
  (await balances(server.context.db, { kind: 'user_online', ownerIds: [userId], currency: 'SGD' })).get(
    userId,
  );

property.prop([
  fc.string({ unit: 'grapheme', minLength: 2, maxLength: 32 }),
  fc.constantFrom('+6591234567', '+4915112345678', '+12025550123', '+247123', '+8835100123'),
])('how somebody was shown is read from the text of their transfer', (name, phone) => {
  const shown = { maskedName: maskName(name), maskedPhone: maskPhone(phone) };
  expect(shownOf(`${shown.maskedName} ${shown.maskedPhone}`)).toEqual(shown);
});
test.each(['', 'somebody', 'A• 1234'])('%j is no such text', (text) => {
  expect(shownOf(text)).toBeNull();
});
test('a name that looks like a number is told from the number', () => {
  const shown = { maskedName: maskName('Bob +65 •••• 1234 ****'), maskedPhone: maskPhone('+6591234567') };
  expect(shownOf(`${shown.maskedName} ${shown.maskedPhone}`)).toEqual(shown);
});

test('a usual transfer keeps no answer, and is answered again word for word, here and elsewhere', async () => {
  const [from, to] = await customers(100n, 0n);
  const wish = wishOf(from, to);
  const first = await sender()(wish);
  expect(JSON.parse(first)).toMatchObject({ amountMinor: '100', currency: 'SGD' });
  expect(await kept(wish)).toEqual([]);
  expect([await sender()(wish), await anotherProcess()(wish)]).toEqual([first, first]);
  expect([await holding(from), await holding(to)]).toEqual([0n, 100n]);
});

test('whatever became of both people, the answer is the same', async () => {
  const [from, to] = await customers(150n, 0n);
  const wish = wishOf(from, to);
  const send = sender();
  const first = await send(wish);
  await server.database.owner`update users set username = 'somebody else' where id = ${to.userId}`;
  expect(await send(wish)).toBe(first);
  await server.database.owner`update users set closed_at = now() where id = ${to.userId}`;
  expect([await send(wish), await anotherProcess()(wish)]).toEqual([first, first]);
  await server.database.owner`update users set closed_at = null where id = ${to.userId}`;
});

test("another request under a transfer's key is refused, and takes nothing from the first one", async () => {
  const [from, to] = await customers(300n, 0n);
  const wish = wishOf(from, to);
  const send = sender();
  const first = await send(wish);
  for (const other of [{ amountMinor: '101' }, { note: 'dinner' }, { phone: '+6590000000' }]) {
    expect(await send({ ...wish, ...other })).toBe('idempotency_key_reused');
    expect(await send(wish)).toBe(first);
  }
  expect(await holding(to)).toBe(100n);
});

test('who is asked together with repeats is not kept from theirs', async () => {
  const [from, to] = await customers(400n, 0n);
  const send = sender();
  const again = wishOf(from, to);
  const first = await send(again);
  const fresh = [wishOf(from, to), wishOf(from, to)];
  const answers = await Promise.all([again, ...fresh, again].map(send));
  expect([answers[0], answers[3]]).toEqual([first, first]);
  expect(new Set(answers).size).toBe(3);
  expect(await holding(to)).toBe(300n);
});

test('a refusal is kept, and stays one when there is enough', async () => {
  const [from, to] = await customers(50n, 200n);
  const wish = wishOf(from, to);
  expect(await sender()(wish)).toBe('insufficient_funds');
  const back = { ...wishOf(to, from), amountMinor: '200' };
  expect(JSON.parse(await sender()(back))).toMatchObject({ amountMinor: '200' });
  expect([await sender()(wish), await anotherProcess()(wish)]).toEqual([
    'insufficient_funds',
    'insufficient_funds',
  ]);
  expect(await holding(from)).toBe(250n);
});

test('answers are kept as well where a release before this one has to find them', async () => {
  const [from, to] = await customers(400n, 0n);
  const context = { ...server.context, config: { ...server.context.config, keepsTransferAnswers: true } };
  const send = sender(new OnlineTransfers(context));
  const wish = wishOf(from, to);
  const first = await send(wish);
  expect(await kept(wish)).toEqual([{ response_status: 200 }]);
  expect([await send(wish), await sender()(wish)]).toEqual([first, first]);
  const { owner } = server.database;
  const entries = async () =>
    (await owner<{ id: string }[]>`select max(id)::text as id from ledger_entries`)[0]?.id;
  await send(wishOf(from, to));
  const before = BigInt((await entries()) ?? 0);
  await send(wishOf(from, to));
  // In one go: nothing was written that did not stand.
  expect(BigInt((await entries()) ?? 0) - before).toBe(2n);
  const twins = wishOf(from, to);
  const [one, two] = await Promise.all([send(twins), anotherProcess()(twins)]);
  expect(one).toBe(two);
  expect(await holding(to)).toBe(400n);
});

const LOCK = 11;
/** Whoever sends transfers waits at the commit while `work` is done, all accounts theirs. By itself a lane would wait for no lock so long. */
async function atTheCommit<T>(begin: () => Promise<T>, work: () => Promise<void>): Promise<T> {
  const { owner } = server.database;
  await owner`
    create or replace function wait_at_commit() returns trigger language plpgsql security definer set lock_timeout = 0 as $$
    begin perform pg_advisory_xact_lock(${owner.unsafe(String(LOCK))}); return null; end $$`;
  await owner`
    create constraint trigger waits after insert on ledger_transfers
    deferrable initially deferred for each row execute function wait_at_commit()`;
  const holder = await owner.reserve();
  try {
    await holder`select pg_advisory_lock(${LOCK})`;
    const begun = begin();
    begun.catch(() => undefined);
    await expect.poll(() => waiting('advisory'), { timeout: 20_000 }).toBe(1);
    await work();
    await holder`select pg_advisory_unlock(${LOCK})`;
    return await begun;
  } finally {
    await holder`select pg_advisory_unlock_all()`;
    holder.release();
    await owner`drop trigger waits on ledger_transfers`;
  }
}
async function waiting(locktype: 'advisory' | 'transactionid'): Promise<number> {
  const [row] = await server.database.owner<{ n: number }[]>`
    select count(*)::int as n from pg_locks l join pg_stat_activity a on a.pid = l.pid
    where l.locktype = ${locktype} and not l.granted and a.datname = current_database()`;
  return row?.n ?? 0;
}

test('who sends it again elsewhere while it is being committed hears the same', async () => {
  const [from, to] = await customers(100n, 0n);
  const wish = wishOf(from, to);
  const elsewhere = anotherProcess();
  let again: Promise<string> | undefined;
  const first = await atTheCommit(
    () => sender()(wish),
    async () => {
      again = elsewhere(wish);
      // Under its key by now, with the first one's account still to come.
      await expect.poll(() => kept(wish), { timeout: 20_000 }).toEqual([{ response_status: null }]);
      await expect.poll(() => waiting('transactionid'), { timeout: 20_000 }).toBe(1);
    },
  );
  expect(JSON.parse(first)).toMatchObject({ amountMinor: '100' });
  expect(JSON.parse((await again) ?? '')).toEqual(JSON.parse(first));
  expect([await sender()(wish), await elsewhere(wish)]).toEqual([first, first]);
  expect([await holding(from), await holding(to)]).toEqual([0n, 100n]);
});

/** Until `wish` has claimed its key and waits for the payer's account. */
async function untilClaimed(wish: Wish): Promise<void> {
  await expect.poll(() => kept(wish), { timeout: 20_000 }).toEqual([{ response_status: null }]);
  await expect.poll(() => waiting('transactionid'), { timeout: 20_000 }).toBe(1);
}

// After it was proved who the recipient is.
test.each([
  ['has closed their account', `closed_at = now(), phone = '+65' || gen_random_uuid()`],
  ['is called otherwise', `username = 'Shown Otherwise'`],
])(
  'who sends it again elsewhere while the recipient %s hears of the transfer that comes to stand',
  async (_, change) => {
    const [from, to] = await customers(100n, 0n);
    const wish = wishOf(from, to);
    const elsewhere = anotherProcess({ isCounted: false });
    let again: Promise<string> | undefined;
    const first = await atTheCommit(
      () => sender()(wish),
      async () => {
        await server.database.owner.unsafe(`update users set ${change} where id = '${to.userId}'`);
        again = elsewhere(wish);
        await untilClaimed(wish);
      },
    );
    expect(JSON.parse(first)).toMatchObject({ amountMinor: '100' });
    expect([await again, await elsewhere(wish)]).toEqual([first, first]);
  },
);

test('who sends something else under its key meanwhile does not get its answer, and its own repeat does', async () => {
  const [from, to] = await customers(200n, 0n);
  const wish = wishOf(from, to);
  const [elsewhere, third] = [anotherProcess({ isCounted: false }), anotherProcess({ isCounted: false })];
  let others: readonly Promise<string>[] = [];
  const first = await atTheCommit(
    () => sender()(wish),
    async () => {
      const other = elsewhere({ ...wish, note: 'dinner' });
      await untilClaimed(wish);
      others = [other, third(wish)];
      await expect.poll(() => waiting('transactionid'), { timeout: 20_000 }).toBe(2);
    },
  );
  expect(JSON.parse(first)).toMatchObject({ amountMinor: '100' });
  expect(await Promise.all(others)).toEqual(['idempotency_key_reused', first]);
  expect([await sender()(wish), await holding(to)]).toEqual([first, 100n]);
});

test('a connection that is cut before its commit leaves nothing, and the repeat sends once', async () => {
  const [from, to] = await customers(100n, 0n);
  const wish = wishOf(from, to);
  const send = sender();
  const cut = await atTheCommit(
    () => send(wish),
    async () => {
      await server.database.owner`
        select pg_terminate_backend(pid, 10000) from pg_locks where locktype = 'advisory' and not granted
          and database = (select oid from pg_database where datname = current_database())`;
    },
  );
  expect(cut).not.toContain('amountMinor');
  expect(await holding(to)).toBe(0n);
  const first = await send(wish);
  expect(JSON.parse(first)).toMatchObject({ amountMinor: '100' });
  expect([await send(wish), await holding(to)]).toEqual([first, 100n]);
});

test('a key that somebody has claimed is not posted under beside them', async () => {
  const [from, to] = await customers(100n, 0n);
  const wish = wishOf(from, to);
  const { owner } = server.database;
  // A process that died before it posted anything.
  await owner`
    insert into idempotency_keys (user_id, route, key, request_hash, locked_until)
    select ${from.userId}, 'POST /v1/transfers', ${wish.key}, 'the hash of another request', now() - interval '1 minute'`;
  expect(await sender()(wish)).toBe('idempotency_key_reused');
  expect(await holding(to)).toBe(0n);
  await owner`delete from idempotency_keys where key = ${wish.key}`;
  expect(JSON.parse(await sender()(wish))).toMatchObject({ amountMinor: '100' });
});
