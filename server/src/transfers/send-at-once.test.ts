import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { Hono } from 'hono';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addCustomers } from '../../test/bench/market.ts';
import { startTestServer, type TestServer } from '../../test/test-server.ts';
import { TransferResult } from '../../contract/index.ts';
import { connect } from '../db/client.ts';
import { ApiProblem } from '../http/problem.ts';
import { createRateLimits } from '../http/rate-limits.ts';
import type { AppEnv } from '../http/router.ts';
import { balances, reconcile } from '../ledger/index.ts';
import { OnlineTransfers } from './send-at-once.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(async () => {
  expect(await reconcile(server.context.db)).toMatchObject({ sound: true });
  await server.close();
});

interface Customer {
  readonly userId: string;
  readonly phone: string;
  readonly sessionId: string;
}

async function customers(count: number, balanceMinor: bigint): Promise<readonly Customer[]> {
  const { context, database } = server;
  const added = await addCustomers({ context, owner: database.owner }, count, balanceMinor);
  return Promise.all(
    added.map(async ({ userId, phone }) => {
      const { id: sessionId } = await context.sessions.open(userId, { client: 'agent' });
      return { userId, phone, sessionId };
    }),
  );
}

interface Wish {
  readonly from: Customer;
  readonly phone: string;
  readonly amountMinor: bigint;
  readonly key?: string;
}

/** What one hears: the transfer's id, or the code of a refusal. Those that are sent in one breath share a batch, but for the first. */
function sender(transfers = new OnlineTransfers(server.context)) {
  return async ({ from, phone, amountMinor, key = randomUUID() }: Wish): Promise<string> => {
    const app = new Hono<AppEnv>();
    app.post('/', async (c) => {
      const signedIn = { ...from, role: 'customer', merchantId: null } as const;
      return c.body(await transfers.send(c, signedIn, { phone, amountMinor: String(amountMinor) }));
    });
    app.onError((error, c) => c.text(error instanceof ApiProblem ? error.code : String(error), 400));
    const answer = await app.request('/', { method: 'POST', headers: { 'idempotency-key': key } });
    return answer.status === 200 ? TransferResult.parse(await answer.json()).id : answer.text();
  };
}

const holdings = async (people: readonly Customer[]) => {
  const ownerIds = people.map(({ userId }) => userId);
  const found = await balances(server.context.db, { kind: 'user_online', ownerIds, currency: 'SGD' });
  return ownerIds.map((id) => Number(found.get(id)));
};
const triesOf = async ({ userId }: Customer) => {
  const rows = await server.database.owner<{ points: number }[]>`
    select points from rate_limits where key = ${`transfer_by_user:${userId}`}`;
  return rows[0]?.points ?? 0;
};

test('transfers that arrive together end as if each had come alone', async () => {
  const PEOPLE = 4;
  const person = fc.nat(PEOPLE - 1);
  const wish = fc.record({
    from: person,
    to: fc.oneof(
      { weight: 6, arbitrary: person },
      { weight: 1, arbitrary: fc.constantFrom('nobody', 'no number') },
    ),
    amountMinor: fc.constantFrom(1n, 30n, 60n, 60n, 100n, 10_000_000n),
    // Few, so that many are used twice: with the same content, or with another.
    key: fc.nat(11),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(wish, { minLength: 8, maxLength: 24 }), async (wishes) => {
      const world = async () => {
        const people = await customers(PEOPLE, 100n);
        const keys = Array.from({ length: 12 }, () => randomUUID());
        const phones = { nobody: '+6581999999', 'no number': '+65123456' };
        const send = sender();
        return {
          people,
          send: (n: number) => {
            const one = wishes[n];
            const from = people[one?.from ?? 0];
            if (one === undefined || from === undefined) throw new Error('no such wish');
            const phone = typeof one.to === 'string' ? phones[one.to] : (people[one.to]?.phone ?? '');
            return send({ from, phone, amountMinor: one.amountMinor, key: keys[one.key] ?? '' });
          },
        };
      };
      const [together, alone] = [await world(), await world()];
      const heard = await Promise.all(wishes.map((_, n) => together.send(n)));
      const expected: string[] = [];
      for (const n of wishes.keys()) expected.push(await alone.send(n));
      // Ids differ between the worlds; which requests share one does not.
      const shape = (answers: readonly string[]) =>
        answers.map((answer) => (/^[0-9a-f-]{36}$/.test(answer) ? answers.indexOf(answer) : answer));
      expect(shape(heard)).toEqual(shape(expected));
      expect(await holdings(together.people)).toEqual(await holdings(alone.people));
      expect(await Promise.all(together.people.map(triesOf))).toEqual(
        await Promise.all(alone.people.map(triesOf)),
      );
    }),
    { numRuns: 12 },
  );
});

test('each try counts once, also one that is refused, and those beyond the budget move nothing', async () => {
  const { db } = server.context;
  const limits = createRateLimits(db, { factor: 0.1, smsPerDay: 1 });
  const send = sender(new OnlineTransfers({ ...server.context, limits }));
  const [from, to] = await customers(2, 100n);
  if (from === undefined || to === undefined) throw new Error('nobody');
  const heard = await Promise.all(
    [500n, 10n, 10n, 10n, 10n].map((amountMinor) => send({ from, phone: to.phone, amountMinor })),
  );
  expect(heard.filter((answer) => answer === 'insufficient_funds')).toHaveLength(1);
  expect(heard.slice(3)).toEqual(['rate_limited', 'rate_limited']);
  expect([await triesOf(from), await holdings([from, to])]).toEqual([5, [80, 120]]);
});

test('a session that was ended by another process a moment ago sends nothing and uses up no try', async () => {
  const [from, to] = await customers(2, 100n);
  if (from === undefined || to === undefined) throw new Error('nobody');
  const send = sender();
  expect(await send({ from, phone: to.phone, amountMinor: 1n })).toMatch(/^[0-9a-f-]{36}$/);
  await server.database
    .owner`update sessions set revoked_at = now(), revoked_reason = 'logged_out' where id = ${from.sessionId}`;
  expect(await send({ from, phone: to.phone, amountMinor: 1n })).toBe('session_expired');
  expect([await triesOf(from), await holdings([from, to])]).toEqual([1, [99, 101]]);
});

type WhenWriting = (work: (pid: number) => Promise<void>) => Promise<void>;

/** A server that keeps the answers of transfers beside them. */
function keeping() {
  const { context } = server;
  return sender(
    new OnlineTransfers({ ...context, config: { ...context.config, keepsTransferAnswers: true } }),
  );
}

/** Another process has written the key of one transfer and has not committed yet: the batch waits as it writes. */
async function whileKeyIsHeld(
  { userId, key, body }: { readonly userId: string; readonly key: string; readonly body: string },
  work: (whenWriting: WhenWriting) => Promise<'commit' | 'rollback'>,
): Promise<void> {
  const { owner } = server.database;
  const waiting = async (): Promise<number> => {
    const [found] = await owner<{ pid: number }[]>`
      select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and backend_type = 'client backend'`;
    return found?.pid ?? waiting();
  };
  const other = await owner.reserve();
  try {
    await other`begin`;
    await other`
      insert into idempotency_keys (user_id, route, key, request_hash, locked_until, response_status, response_body)
      values (${userId}, 'POST /v1/transfers', ${key}, 'of another content', now(), 200, ${body})`;
    await other.unsafe(await work(async (then) => then(await waiting())));
  } finally {
    other.release();
  }
}

test('a connection that is cut while the money is written leaves nothing half, and the repeat sends once', async () => {
  const [from, to] = await customers(2, 100n);
  if (from === undefined || to === undefined) throw new Error('nobody');
  const send = keeping();
  const key = randomUUID();
  const wish = { from, phone: to.phone, amountMinor: 10n };
  await whileKeyIsHeld({ userId: from.userId, key, body: '' }, async (writing) => {
    const cut = send({ ...wish, key });
    await writing(async (pid) => {
      await server.database.owner`select pg_terminate_backend(${pid})`;
    });
    expect(await cut).not.toMatch(/^[0-9a-f-]{36}$/);
    return 'rollback';
  });
  expect([await triesOf(from), await holdings([from, to])]).toEqual([0, [100, 100]]);
  const id = await send({ ...wish, key });
  expect(await send({ ...wish, key })).toBe(id);
  expect([await triesOf(from), await holdings([from, to])]).toEqual([2, [90, 110]]);
});

test('a twin that another process commits meanwhile is heard, and its neighbours are sent', async () => {
  const [from, neighbour, to] = await customers(3, 100n);
  if (from === undefined || neighbour === undefined || to === undefined) throw new Error('nobody');
  const send = keeping();
  const key = randomUUID();
  let heard: readonly Promise<string>[] = [];
  await whileKeyIsHeld({ userId: from.userId, key, body: '{}' }, async (writing) => {
    heard = [
      // Goes alone, and keeps the next two together.
      send({ from: neighbour, phone: to.phone, amountMinor: 1n }),
      send({ from: neighbour, phone: to.phone, amountMinor: 2n }),
      send({ from, phone: to.phone, amountMinor: 10n, key }),
    ];
    await writing(() => Promise.resolve());
    return 'commit';
  });
  const [first, second, twin] = await Promise.all(heard);
  expect([first, second].every((id) => /^[0-9a-f-]{36}$/.test(id ?? ''))).toBe(true);
  expect(twin).toBe('idempotency_key_reused');
  expect(await holdings([from, neighbour, to])).toEqual([100, 97, 103]);
  expect(await triesOf(from)).toBe(1);
});

test('an account that somebody holds for long is waited for by those who need it, and by nobody else', async () => {
  const [held, from, to, friend, neighbour] = await customers(5, 100n);
  if (held === undefined || from === undefined || to === undefined) throw new Error('nobody');
  if (friend === undefined || neighbour === undefined) throw new Error('nobody');
  const send = sender();
  const other = await server.database.owner.reserve();
  try {
    await other`begin`;
    await other`select 1 from ledger_accounts where owner_id = ${held.userId} for update`;
    const waiting = [
      send({ from, phone: held.phone, amountMinor: 1n }),
      send({ from: held, phone: to.phone, amountMinor: 2n }),
    ];
    expect(await send({ from: friend, phone: neighbour.phone, amountMinor: 4n })).toMatch(/^[0-9a-f-]{36}$/);
    await other`rollback`;
    for (const id of await Promise.all(waiting)) expect(id).toMatch(/^[0-9a-f-]{36}$/);
  } finally {
    other.release();
  }
  expect(await holdings([held, from, to, friend, neighbour])).toEqual([99, 99, 102, 96, 104]);
  expect(await Promise.all([held, from, friend].map(triesOf))).toEqual([1, 1, 1]);
});

test('behind a pooler, too, an account that is held for long is waited for by those who need it, and by nobody else', async () => {
  const [held, from, friend, neighbour] = await customers(4, 100n);
  if (held === undefined || from === undefined || friend === undefined || neighbour === undefined)
    throw new Error('nobody');
  // What a connection sets for its session is a pooler's to forget.
  const pooled = connect({ url: server.database.appUrl, maxConnections: 4, isPooled: true });
  const send = sender(new OnlineTransfers({ ...server.context, db: pooled.db }));
  const other = await server.database.owner.reserve();
  try {
    await other`begin`;
    await other`select 1 from ledger_accounts where owner_id = ${held.userId} for update`;
    const waiting = send({ from, phone: held.phone, amountMinor: 1n });
    const passing = [1n, 2n].map((amountMinor) =>
      send({ from: friend, phone: neighbour.phone, amountMinor }),
    );
    for (const id of await Promise.all(passing)) expect(id).toMatch(/^[0-9a-f-]{36}$/);
    await other`rollback`;
    expect(await waiting).toMatch(/^[0-9a-f-]{36}$/);
  } finally {
    await other`rollback`;
    other.release();
    await pooled.close();
  }
  expect(await holdings([held, from, friend, neighbour])).toEqual([101, 99, 97, 103]);
});

test('of two accounts that are held for long, whoever needs the one that is free again is sent while the other is still held', async () => {
  const [held, freed, from, friend] = await customers(4, 100n);
  if (held === undefined || freed === undefined || from === undefined || friend === undefined)
    throw new Error('nobody');
  const send = sender();
  const [long, short] = [await server.database.owner.reserve(), await server.database.owner.reserve()];
  try {
    for (const [other, { userId }] of [
      [long, held],
      [short, freed],
    ] as const) {
      await other`begin`;
      await other`select 1 from ledger_accounts where owner_id = ${userId} for update`;
    }
    const waiting = send({ from, phone: held.phone, amountMinor: 1n });
    const passing = [1n, 2n].map((amountMinor) => send({ from: friend, phone: freed.phone, amountMinor }));
    // Until all three go the careful way.
    const claimed = async () =>
      (
        await server.context.db.$client`
          select 1 from idempotency_keys where user_id in (${from.userId}, ${friend.userId}) and response_status is null`
      ).length;
    await expect.poll(claimed, { timeout: 20_000 }).toBe(3);
    await short`rollback`;
    for (const id of await Promise.all(passing)) expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(await holdings([held, freed])).toEqual([100, 103]);
    expect(await claimed()).toBe(1);
    await long`rollback`;
    expect(await waiting).toMatch(/^[0-9a-f-]{36}$/);
  } finally {
    long.release();
    short.release();
  }
  expect(await holdings([held, freed, from, friend])).toEqual([101, 103, 99, 97]);
});

test('what was remembered of people is proved again: a new number, another name and a closed account are seen at once', async () => {
  const [from, to, other] = await customers(3, 100n);
  if (from === undefined || to === undefined || other === undefined) throw new Error('nobody');
  const { owner } = server.database;
  const send = sender();
  const isSent = /^[0-9a-f-]{36}$/;
  expect(await send({ from, phone: to.phone, amountMinor: 1n })).toMatch(isSent);
  await owner`update users set username = 'Renamed Person' where id = ${from.userId}`;
  const renamed = await send({ from, phone: to.phone, amountMinor: 1n });
  const [row] = await owner<{ payer: string }[]>`
    select reference->>'payerText' as payer from ledger_transfers where id = ${renamed}`;
  expect(row?.payer).toMatch(/^Re•+ Pe•+/);
  // The number goes to somebody else.
  await owner`update users set phone = '+6590000001' where id = ${to.userId}`;
  await owner`update users set phone = ${to.phone} where id = ${other.userId}`;
  expect(await send({ from, phone: to.phone, amountMinor: 1n })).toMatch(isSent);
  expect(await holdings([from, to, other])).toEqual([97, 102, 101]);
  await owner`update users set phone = ${`closed ${other.userId}`}, closed_at = now() where id = ${other.userId}`;
  expect(await send({ from, phone: to.phone, amountMinor: 1n })).toBe('recipient_not_found');
  expect([await holdings([from, to, other]), await triesOf(from)]).toEqual([[97, 102, 101], 4]);
});
