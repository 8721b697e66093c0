/** What the cloud says, applied to what the phone remembers. */
import { expect, test } from 'vitest';
import type { Allowance, HistoryItem, WalletView } from '@tikiwallet/server/contract';
import { FakeKiosk, makeOffer, makePhone, makeShop, NOW, runNeeds, USER } from '../test/world.ts';
import { reconcile, settledByCounter } from './reconcile.ts';
import { confirmAndSend } from './run-payment.ts';

async function setUp() {
  const shop = await makeShop();
  const phone = await makePhone(shop);
  const needs = runNeeds(shop, phone, new FakeKiosk(shop));
  for (const fill of [0x44, 0x54]) {
    await confirmAndSend(
      await makeOffer(shop, phone, { fill, amountMinor: 500n }),
      needs,
      () => undefined,
      new AbortController().signal,
    );
  }
  const payments = (await phone.database.getAll('payments')).toSorted((a, b) => a.counter - b.counter);
  return { phone, payments };
}

function cloudAllowance(id: string, changes: Partial<Allowance>): Allowance {
  return {
    id,
    status: 'active',
    deniedFor: null,
    currency: 'SGD',
    capMinor: '5000',
    settledMinor: '0',
    reservedMinor: '5000',
    returnedMinor: '0',
    settledCounter: 0,
    notBefore: '',
    notAfter: '',
    certificate: '',
    phoneSalt: '',
    devicePublicKey: '',
    returnsBy: null,
    ...changes,
  };
}

function view(allowances: Allowance[]): WalletView {
  return {
    currency: 'SGD',
    onlineMinor: '0',
    offlineMinor: '0',
    allowances,
    asOf: new Date((NOW + 600) * 1000).toISOString(),
  };
}

test('a counter alone settles nothing when an earlier payment may still be at another shop', async () => {
  const { phone, payments } = await setUp();
  const { id } = phone.allowance;
  expect(settledByCounter({ id, settledCounter: 2, settledMinor: '500' }, payments)).toEqual([]);
  expect(settledByCounter({ id, settledCounter: 2, settledMinor: '1000' }, payments)).toHaveLength(2);
  expect(settledByCounter({ id, settledCounter: 1, settledMinor: '500' }, payments)).toHaveLength(1);
});

test('the online history settles exactly the payments that it names', async () => {
  const { phone, payments } = await setUp();
  const item: HistoryItem = {
    id: 'h',
    kind: 'offline_payment',
    amountMinor: '-500',
    currency: 'SGD',
    counterparty: 'Warung Sari',
    note: null,
    at: new Date(NOW * 1000).toISOString(),
    paymentHash: payments[1]?.id ?? null,
    orderId: null,
  };
  await reconcile(phone.database, USER, {
    view: view([cloudAllowance(phone.allowance.id, {})]),
    history: [item],
  });
  const states = (await phone.database.getAll('payments'))
    .toSorted((a, b) => a.counter - b.counter)
    .map((payment) => payment.state);
  expect(states).toEqual(['paid', 'settled']);
});

test('more settled than was ever signed here freezes the allowance', async () => {
  const { phone } = await setUp();
  await reconcile(phone.database, USER, {
    view: view([cloudAllowance(phone.allowance.id, { settledCounter: 3 })]),
    history: [],
  });
  expect(await phone.database.get('allowances', phone.allowance.id)).toMatchObject({ state: 'frozen' });
});

test('an allowance that the cloud lists no more is over, unless it is newer than the list', async () => {
  const { phone } = await setUp();
  const early = { ...view([]), asOf: new Date(NOW * 1000).toISOString() };
  await reconcile(phone.database, USER, { view: early, history: [] });
  expect(await phone.database.get('allowances', phone.allowance.id)).toMatchObject({ cloudStatus: 'active' });
  await reconcile(phone.database, USER, { view: view([]), history: [] });
  expect(await phone.database.get('allowances', phone.allowance.id)).toMatchObject({ cloudStatus: 'closed' });
});
