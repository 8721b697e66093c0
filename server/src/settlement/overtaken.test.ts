/**
 * A batch reads its allowances without a lock and asks, when it writes them, whether they are as they were read. What another
 * settler decided in between must not be missed.
 */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { SimulatedKiosk } from '../../test/simulated-kiosk.ts';
import { clone, type OfflineWallet, type SimulatedPhone } from '../../test/simulated-phone.ts';
import type { TestServer } from '../../test/test-server.ts';
import { openTwoShops, startServerOfShops } from '../../test/two-shops.ts';
import { reconcile } from '../ledger/index.ts';

let server: TestServer;
let first: SimulatedKiosk;
let second: SimulatedKiosk;
let phone: SimulatedPhone;
let wallet: OfflineWallet;
beforeAll(async () => {
  server = await startServerOfShops();
});
afterAll(() => server.close());
beforeEach(async () => {
  ({ first, second, phone, wallet } = await openTwoShops(server));
});
afterEach(async () => {
  expect(await reconcile(server.context.db)).toMatchObject({ sound: true });
});

/** Until so many sessions wait for a lock. */
async function waiting(count: number): Promise<void> {
  const [row] = await server.database.owner<{ n: number }[]>`
    select count(*)::int as n from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock' and backend_type = 'client backend'`;
  if (row?.n !== count) return waiting(count);
}

/** `first` has written its allowances and waits for its merchant's account, while `second` has read them and waits for them. */
async function oneOvertakesTheOther(): Promise<readonly (readonly string[])[]> {
  const holder = await server.database.owner.reserve();
  try {
    await holder`begin`;
    await holder`
      select from ledger_accounts a join kiosks k on k.merchant_id = a.owner_id
      where a.kind = 'merchant_available' and k.id = ${first.kioskId} for update of a`;
    const firstSettles = first.settle();
    await waiting(1);
    const secondSettles = second.settle();
    await waiting(2);
    await holder`commit`;
    return [await firstSettles, await secondSettles];
  } finally {
    holder.release();
  }
}

test('the same counter spent at two kiosks that settle at one time is proved, and the reserve pays once', async () => {
  const copy = clone(wallet);
  first.sell(wallet, 3_000n);
  second.sell(copy, 3_500n);
  expect(await oneOvertakesTheOther()).toEqual([['settled'], ['settled_by_guarantee']]);
  const cases = await server.database.owner<{ rule: string }[]>`
    select rule from double_spend_cases where allowance_id = ${wallet.allowance.allowanceId}`;
  expect(cases.map(({ rule }) => rule)).toEqual(['same_counter']);
  const [figures] = await server.database.owner<{ settled: string; remaining: string }[]>`
    select settled_minor::text as settled, (cap_minor - settled_minor)::text as remaining
    from allowances where id = ${wallet.allowance.allowanceId}`;
  expect(figures).toEqual({ settled: '5000', remaining: '0' });
});

test('two honest payments of one phone at two kiosks that settle at one time are both paid from the reserve', async () => {
  first.sell(wallet, 3_000n);
  second.sell(wallet, 1_500n);
  expect(await oneOvertakesTheOther()).toEqual([['settled'], ['settled']]);
  expect([await first.availableMinor(), await second.availableMinor()]).toEqual([3_000n, 1_500n]);
});

test('whoever adds a payment gives the allowance another version, also where no figure of it changes', async () => {
  const version = async () => {
    const [row] = await server.database.owner<{ version: string }[]>`
      select xmin::text as version from allowances where id = ${wallet.allowance.allowanceId}`;
    return row?.version;
  };
  const copy = clone(wallet);
  first.sell(wallet, 5_000n);
  expect(await first.settle()).toEqual(['settled']);
  const before = await version();
  // The guarantee pays all of it.
  second.sell(copy, 4_000n);
  expect(await second.settle()).toEqual(['settled_by_guarantee']);
  expect(await version()).not.toBe(before);
});

/** Refunds, debts, cases and claims name allowances, whose keys are looked at by whoever holds accounts already. */
test('who settles on an allowance, or closes it, keeps nobody from naming it', async () => {
  const { owner } = server.database;
  const other = await phone.load(100n);
  const naming = ({ allowance }: OfflineWallet) =>
    owner`select from allowances where id = ${allowance.allowanceId} for key share nowait`;
  const holder = await owner.reserve();
  try {
    await holder`begin`;
    await holder`
      select from ledger_accounts a join kiosks k on k.merchant_id = a.owner_id
      where a.kind = 'merchant_available' and k.id = ${second.kioskId} for update of a`;
    const copy = clone(wallet);
    first.sell(wallet, 3_000n);
    await first.settle();
    // The guarantee pays a part: locks come first.
    second.sell(copy, 3_500n);
    const settles = second.settle();
    await waiting(1);
    await naming(wallet);
    await holder`commit`;
    expect(await settles).toEqual(['settled_by_guarantee']);

    await holder`begin`;
    await holder`select from trust_state for update`;
    const closes = phone.close(other);
    await waiting(1);
    await naming(other);
    await holder`commit`;
    expect(await closes).toMatchObject({ status: 'closing' });
  } finally {
    holder.release();
  }
});
