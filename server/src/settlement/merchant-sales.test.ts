/** What a merchant reads of its sales: by day, by receipt and by reference, a page at a time. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { toHex } from '@tikiwallet/protocol';
import { KioskList, pageOf, SalesDays, SaleView } from '../../contract/index.ts';
import { SimulatedKiosk } from '../../test/simulated-kiosk.ts';
import { SimulatedPhone } from '../../test/simulated-phone.ts';
import { refund } from '../../test/simulated-refunds.ts';
import { type Person, startTestServer, type TestServer } from '../../test/test-server.ts';

const DAY_MS = 86_400_000;
let server: TestServer;
let merchant: Person;
let kiosk: SimulatedKiosk;
let hashes: string[];

beforeAll(async () => {
  server = await startTestServer();
  merchant = await server.register('merchant');
  kiosk = await SimulatedKiosk.open(server, merchant, 'Counter');
  const phone = await SimulatedPhone.withMoney(server, 10_000n);
  const wallet = await phone.load(5_000n);
  const sales = [kiosk.sell(wallet, 1_250n), kiosk.sell(wallet, 300n), kiosk.sell(wallet, 99n)];
  hashes = sales.map(({ hash }) => toHex(hash));
  const [, , last] = sales;
  if (last !== undefined) refund(kiosk, wallet, { payment: last, amountMinor: 40n });
  await kiosk.settle();
});
afterAll(() => server.close());

const list = (query: string) =>
  server.expect(pageOf(SaleView), `/v1/merchant/sales?${query}`, { token: merchant.token });

test('every day of the span is there once, the oldest first, and today has what was settled today', async () => {
  const { days } = await server.expect(SalesDays, '/v1/merchant/sales/days?days=7', {
    token: merchant.token,
  });
  expect(days).toHaveLength(7);
  expect(days.map(({ day }) => day)).toEqual(days.map(({ day }) => day).toSorted());
  expect(days.at(-1)).toMatchObject({
    settledMinor: '1649',
    settledCount: 3,
    unpaidCount: 0,
    refundedMinor: '40',
  });
  expect(days.slice(0, -1).every(({ settledMinor }) => settledMinor === '0')).toBe(true);
});

test('a sale is found by its receipt or by the first digits of its hash, and by nothing else', async () => {
  const all = await list('limit=10');
  const second = all.items.find(({ paymentHash }) => paymentHash === hashes[1]);
  const byNumber = await list(`search=${second?.sequence ?? 0}`);
  expect(byNumber.items.map(({ paymentHash }) => paymentHash)).toEqual([hashes[1]]);
  const byHash = await list(`search=${hashes[2]?.slice(0, 8).toUpperCase() ?? ''}`);
  expect(byHash.items.map(({ paymentHash }) => paymentHash)).toEqual([hashes[2]]);
  for (const search of ["x' or 1=1 --", '%', hashes[0]?.slice(0, 5) ?? ''])
    expect((await list(`search=${encodeURIComponent(search)}`)).items).toEqual([]);
});

test('pages follow each other without a gap and without a sale twice', async () => {
  const first = await list('limit=2');
  const second = await list(`limit=2&cursor=${first.nextCursor ?? ''}`);
  expect([...first.items, ...second.items].map(({ paymentHash }) => paymentHash)).toEqual(
    hashes.toReversed(),
  );
  expect(second.nextCursor).toBeNull();
});

test('a kiosk says when it handed in last, and that it may go on', async () => {
  const { items } = await server.expect(KioskList, '/v1/merchant/kiosks', { token: merchant.token });
  expect(items).toMatchObject([{ name: 'Counter', quarantinedAt: null }]);
  expect(Date.parse(items[0]?.lastSettledAt ?? '')).toBeGreaterThan(Date.now() - DAY_MS);
});
