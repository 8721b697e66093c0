/** R32: what the fund paid comes back from what flows into the account that overspent, and never more than that. */
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { HistoryItem, pageOf, TransferResult } from '../../contract/index.ts';
import { SimulatedKiosk } from '../../test/simulated-kiosk.ts';
import { clone, pay, SimulatedPhone } from '../../test/simulated-phone.ts';
import { type Person, startTestServer, type TestServer } from '../../test/test-server.ts';
import { reconcile } from '../ledger/index.ts';
import { CarefulTransfers } from '../transfers/send-money.ts';

let server: TestServer;
let phone: SimulatedPhone;
beforeEach(async () => {
  server = await startTestServer();
  phone = await SimulatedPhone.withMoney(server, 5_000n);
  const shops = [await server.register('merchant'), await server.register('merchant')];
  const kiosks = await Promise.all(shops.map((merchant) => SimulatedKiosk.open(server, merchant)));
  const wallet = await phone.load(5_000n);
  // A copy of the phone pays at two shops that are offline: 3,000 more than there is.
  for (const [index, amountMinor] of [5_000n, 3_000n].entries())
    kiosks[index]?.sell(clone(wallet), amountMinor);
  expect(await kiosks[0]?.settle()).toEqual(['settled']);
  expect(await kiosks[1]?.settle()).toEqual(['settled_by_guarantee']);
});
afterEach(async () => {
  expect(await reconcile(server.context.db)).toMatchObject({ sound: true });
  await server.close();
});

const owed = async () => {
  const [row] = await server.database.owner<{ owed: string }[]>`
    select coalesce(sum(amount_minor - recovered_minor), 0)::text as owed from debts`;
  return Number(row?.owed);
};
const fund = async () => {
  const [row] = await server.database.owner<{ balance: string }[]>`
    select balance_minor::text as balance from ledger_accounts where kind = 'guarantee_fund'`;
  return Number(row?.balance);
};
async function give(amountMinor: bigint): Promise<() => Promise<TransferResult>> {
  const friend = await server.customerWith(amountMinor);
  const key = randomUUID();
  const body = { phone: phone.person.phone, amountMinor: amountMinor.toString() };
  const send = () => server.expect(TransferResult, '/v1/transfers', { body, key, token: friend.token });
  await send();
  return send;
}
const loadCode = async () => {
  const key = randomUUID();
  const body = phone.allowanceBody(100n, key);
  return (await server.call('/v1/allowances', { body, key, token: phone.person.token })).code;
};

test('a transfer in pays the debt first, once, and the account loads again when nothing is owed', async () => {
  expect([await owed(), await fund()]).toEqual([3_000, -3_000]);
  expect(await loadCode()).toBe('debt_unpaid');
  const again = await give(1_000n);
  await again();
  expect([await owed(), await fund()]).toEqual([2_000, -2_000]);
  expect(await phone.wallet()).toMatchObject({ onlineMinor: '0' });
  expect(await loadCode()).toBe('debt_unpaid');
  await give(2_500n);
  expect([await owed(), await fund()]).toEqual([0, 0]);
  expect(await phone.wallet()).toMatchObject({ onlineMinor: '500' });
  expect(await loadCode()).not.toBe('debt_unpaid');
});

test('the person sees in the history what was taken and for which payment', async () => {
  await give(1_200n);
  const history = await server.expect(pageOf(HistoryItem), '/v1/history', { token: phone.person.token });
  expect(history.items.slice(0, 2)).toMatchObject([
    { kind: 'debt_recovered', amountMinor: '-1200' },
    { kind: 'transfer_in', amountMinor: '1200' },
  ]);
  expect(history.items[0]?.paymentHash).toMatch(/^[0-9a-f]{64}$/);
});

test('a top-up pays it as well, and one that is told of twice pays it once', async () => {
  await server.topUp(phone.person, 4_000n);
  expect([await owed(), await fund()]).toEqual([0, 0]);
  expect(await phone.wallet()).toMatchObject({ onlineMinor: '1000' });
});

test('two transfers at once take what is owed and no more', async () => {
  await Promise.all([give(2_000n), give(2_000n), give(2_000n)]);
  expect([await owed(), await fund()]).toEqual([0, 0]);
  expect(await phone.wallet()).toMatchObject({ onlineMinor: '3000' });
});

test('who owes and sends on what comes in, in the same breath, pays the debt first', async () => {
  const [friend, other] = [await server.customerWith(2_000n), await server.customerWith(100n)];
  const transfers = new CarefulTransfers(server.context);
  const send = (from: Person, to: Person, amountMinor: bigint) =>
    transfers.send({ senderId: from.session.user.id, phone: to.phone, amountMinor, key: randomUUID() });
  // The first keeps the others waiting: they are posted together.
  const answers = await Promise.allSettled([
    send(other, friend, 100n),
    send(friend, phone.person, 2_000n),
    send(phone.person, other, 2_000n),
  ]);
  expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
  expect([await owed(), await fund()]).toEqual([1_000, -1_000]);
  expect(await phone.wallet()).toMatchObject({ onlineMinor: '0' });
});

test('many small debts are repaid in rounds: one inflow never holds the fund for all of them', async () => {
  const other = await SimulatedPhone.withMoney(server, 1_000n);
  const wallet = await other.load(1_000n);
  const kiosk = await SimulatedKiosk.open(server, await server.register('merchant'));
  kiosk.sell(wallet, 1_000n);
  // A copied phone pays one unit again and again.
  for (let n = 0; n < 60; n += 1) {
    const request = kiosk.request(1n);
    kiosk.write(request, wallet, pay(wallet, request, { counter: 2, cumulativeMinor: 1_000n }));
  }
  expect((await kiosk.settle()).slice(1)).toEqual(Array.from({ length: 60 }, () => 'settled_by_guarantee'));
  const before = await owed();
  await server.topUp(other.person, 200n);
  expect(before - (await owed())).toBe(50);
  await server.topUp(other.person, 200n);
  expect(before - (await owed())).toBe(60);
  expect(await other.wallet()).toMatchObject({ onlineMinor: '340' });
});
