import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addCustomers } from '../../test/bench/market.ts';
import { startTestServer, type TestServer } from '../../test/test-server.ts';
import { pgPlainArray } from '../db/pg-array.ts';
import { sql, type Written } from '../db/words.ts';
import { moveCovered } from './post-pairs.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

async function accountsOf(count: number, balanceMinor: bigint): Promise<readonly string[]> {
  const { context, database } = server;
  const people = await addCustomers({ context, owner: database.owner }, count, balanceMinor);
  const rows = await database.owner<{ id: string }[]>`
    select id from ledger_accounts where kind = 'user_online'
      and owner_id = any (${pgPlainArray(people.map(({ userId }) => userId))}::text::uuid[]) order by id`;
  return rows.map(({ id }) => id);
}

const pair = (from = '', to = '', amountMinor = 1n) => ({
  contentHash: '',
  transfer: {
    id: randomUUID(),
    kind: 'user_transfer' as const,
    idempotencyKey: randomUUID(),
    reference: {},
    entries: [
      { accountId: from, amountMinor: -amountMinor },
      { accountId: to, amountMinor },
    ],
  },
});

function moving(pairs: readonly ReturnType<typeof pair>[]): Written {
  const { moved, covered } = moveCovered(pairs, sql`true`);
  return sql`with ${moved} select ${covered} as covered`.write();
}

test('balances are moved in the order of their accounts, whatever the order of transfers', async () => {
  const [first, second, third, fourth] = await accountsOf(4, 100n);
  const app = server.context.db.$client;
  const [mover, holder] = [await app.reserve(), await server.database.owner.reserve()];
  try {
    await holder`begin`;
    await holder`select 1 from ledger_accounts where id = ${second ?? ''} for update`;
    await mover`begin`;
    // As whoever sends transfers has it.
    await mover`set local enable_seqscan = off`;
    const [{ pid } = { pid: 0 }] = await mover<{ pid: number }[]>`select pg_backend_pid() as pid`;
    const { text, values } = moving([pair(fourth, first), pair(third, second)]);
    const moved = mover.unsafe<{ covered: boolean }[]>(text, [...values]).execute();
    const isWaiting = async () =>
      (await app`select 1 from pg_stat_activity where pid = ${pid} and wait_event_type = 'Lock'`).length;
    await expect.poll(isWaiting, { timeout: 20_000 }).toBe(1);
    const free = await app<{ id: string }[]>`
      select id from ledger_accounts where id in (${first ?? ''}, ${third ?? ''}, ${fourth ?? ''})
      order by id for no key update skip locked`;
    expect(free.map(({ id }) => id)).toEqual([third, fourth]);
    await holder`rollback`;
    expect(await moved).toMatchObject([{ covered: true }]);
  } finally {
    await holder`rollback`;
    await mover`rollback`;
    mover.release();
    holder.release();
  }
});

test('what is taken from an account is covered by what it held before, and not by what comes in meanwhile', async () => {
  const [rich, poor, other] = await accountsOf(3, 10n);
  const { owner } = server.database;
  const isCovered = async (pairs: readonly ReturnType<typeof pair>[]) => {
    const mover = await owner.reserve();
    try {
      await mover`begin`;
      const { text, values } = moving(pairs);
      const [row] = await mover.unsafe<{ covered: boolean }[]>(text, [...values]);
      return row?.covered;
    } finally {
      await mover`rollback`;
      mover.release();
    }
  };
  expect(await isCovered([pair(rich, poor, 10n), pair(poor, other, 10n)])).toBe(true);
  expect(await isCovered([pair(rich, poor, 10n), pair(poor, other, 11n)])).toBe(false);
  expect(await isCovered([pair(rich, randomUUID(), 1n)])).toBe(false);
});
