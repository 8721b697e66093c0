/** R32: refunds and debts of one person in one batch: each debt is repaid once, and no kiosk is stuck behind them. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { SimulatedKiosk } from '../../test/simulated-kiosk.ts';
import { clone, type OfflineWallet, SimulatedPhone } from '../../test/simulated-phone.ts';
import { refund } from '../../test/simulated-refunds.ts';
import { startTestServer, type TestServer } from '../../test/test-server.ts';
import { reconcile } from '../ledger/index.ts';

let server: TestServer;
let phone: SimulatedPhone;
let first: SimulatedKiosk;
let second: SimulatedKiosk;
let wallet: OfflineWallet;
let copy: OfflineWallet;
beforeEach(async () => {
  server = await startTestServer({ env: { TIKI_ALLOWANCE_OUTSTANDING_MAX_MINOR: '100000' } });
  phone = await SimulatedPhone.withMoney(server, 20_000n);
  wallet = await phone.load(5_000n);
  copy = clone(wallet);
  first = await SimulatedKiosk.open(server, await server.register('merchant'));
  second = await SimulatedKiosk.open(server, await server.register('merchant'));
});
afterEach(async () => {
  expect(await reconcile(server.context.db)).toMatchObject({ sound: true, refunds: { faults: [] } });
  await server.close();
});

const onlineMinor = async () => BigInt((await phone.wallet()).onlineMinor);
const debtsOf = () =>
  server.database.owner<{ amount: string; recovered: string }[]>`
    select amount_minor::text as amount, recovered_minor::text as recovered from debts order by id`;

for (const order of ['the one with a debt first', 'the one with a debt last'] as const) {
  test(`two refunds in one batch repay the fund once, ${order}`, async () => {
    const other = await phone.load(5_000n);
    first.sell(wallet, 5_000n);
    expect(await first.settle()).toEqual(['settled']);
    const owing = second.sell(copy, 3_000n);
    const honest = second.sell(other, 4_000n);
    expect(await second.settle()).toEqual(['settled_by_guarantee', 'settled']);
    const giveBack = [
      () => refund(second, copy, { payment: owing, amountMinor: 3_000n }),
      () => refund(second, other, { payment: honest, amountMinor: 4_000n }),
    ];
    if (order === 'the one with a debt last') giveBack.reverse();
    for (const give of giveBack) give();
    expect(await second.settle(second.batch({ from: 3, to: 4 }))).toEqual(['settled', 'settled']);
    expect(await debtsOf()).toEqual([{ amount: '3000', recovered: '3000' }]);
    expect(await onlineMinor()).toBe(14_000n);
    // The kiosk's later sales are not stuck behind them.
    const stranger = await (await SimulatedPhone.withMoney(server, 5_000n)).load(1_000n);
    second.sell(stranger, 500n);
    expect(await second.settle(second.batch({ from: 5, to: 5 }))).toEqual(['settled']);
  });
}

test('two voids of payments that the reserve covered in part repay each debt once', async () => {
  first.sell(wallet, 3_000n);
  await first.settle();
  const larger = second.sell(copy, 2_500n);
  const smaller = second.sell(copy, 1_000n);
  expect(await second.settle()).toEqual(['settled_by_guarantee', 'settled_by_guarantee']);
  refund(second, copy, { payment: larger, amountMinor: 2_500n }, { kind: 'void' });
  refund(second, copy, { payment: smaller, amountMinor: 1_000n }, { kind: 'void' });
  expect(await second.settle(second.batch({ from: 3, to: 4 }))).toEqual(['settled', 'settled']);
  for (const debt of await debtsOf()) expect(debt.recovered).toBe(debt.amount);
  expect(await second.availableMinor()).toBe(0n);
});
