/** The money path on the phone, with every crash that it must survive (R8, R28, R33). */
import { expect, test } from 'vitest';
import { equalBytes, toHex } from '@tikiwallet/protocol';
import { createClock } from '../clock.ts';
import { openWalletDatabase } from '../store/database.ts';
import { findPaymentByRequest } from '../store/records.ts';
import type { StoredPayment } from '../store/schema.ts';
import {
  FakeKiosk,
  makeOffer,
  makePhone,
  makeReceipt,
  makeShop,
  NOW,
  payNeeds,
  refusal,
  runNeeds,
} from '../test/world.ts';
import { SUPERSEDED, type PaymentEvent } from './payment-machine.ts';
import { confirmAndSend, sendPayment } from './run-payment.ts';
import { payOnce } from './sign-payment.ts';

const never = new AbortController().signal;

async function setUp(options: { capMinor?: bigint } = {}) {
  const shop = await makeShop();
  const phone = await makePhone(shop, options);
  const kiosk = new FakeKiosk(shop);
  const needs = runNeeds(shop, phone, kiosk);
  const events: PaymentEvent[] = [];
  const emit = (event: PaymentEvent) => void events.push(event);
  return { shop, phone, kiosk, needs, events, emit };
}

const allowanceOf = async (phone: { database: Awaited<ReturnType<typeof makePhone>>['database'] }) =>
  (await phone.database.getAll('allowances'))[0];

test('a confirmed payment is accepted by the kiosk’s own rules and ends as paid with a verified receipt', async () => {
  const { shop, phone, kiosk, needs, events, emit } = await setUp();
  await confirmAndSend(await makeOffer(shop, phone), needs, emit, never);
  expect(events.map((event) => event.event)).toEqual(['confirmed', 'sending', 'sending', 'receipted']);
  const [payment] = await phone.database.getAll('payments');
  expect(payment).toMatchObject({
    state: 'paid',
    counter: 1,
    amountMinor: 1_250n,
    receiptNumber: 1,
    merchantName: 'Warung Sari',
  });
  expect(kiosk.accepted.has(payment?.id ?? '')).toBe(true);
  expect(await allowanceOf(phone)).toMatchObject({ lastCounter: 1, cumulativeMinor: 1_250n });
});

test.each([
  ['stopped by the person, it says that no answer came', undefined, 'no_answer'],
  ['given up for another way, it says nothing that would hide that way', SUPERSEDED, 'sending'],
])('%s', async (_name, reason, told) => {
  const { shop, phone, needs, events, emit } = await setUp();
  const signed = await payOnce(await makeOffer(shop, phone), phone.needs);
  const stop = new AbortController();
  stop.abort(reason);
  await sendPayment(signed, needs, emit, stop.signal);
  expect(events.at(-1)?.event).toBe(told);
});

test('R33: killed after the write and before the sending, the wallet sends the very same bytes after its restart', async () => {
  const { shop, phone, kiosk } = await setUp();
  const signed = await payOnce(await makeOffer(shop, phone), phone.needs);
  expect(kiosk.received).toHaveLength(0);
  phone.database.close();

  const database = await openWalletDatabase(phone.name);
  const clock = createClock({ offsetMs: 0, newestTime: NOW }, () => (NOW + 25) * 1000);
  const needs = payNeeds(database, phone.mirrors, clock);
  const restarted = await findPaymentByRequest(database, signed.requestHash);
  expect(restarted?.state).toBe('signed');
  if (restarted === undefined) return;
  await sendPayment(restarted, runNeeds(shop, { needs }, kiosk), () => undefined, never);
  expect(kiosk.received.map(toHex)).toEqual([toHex(signed.payment)]);
  expect((await database.get('payments', signed.id))?.state).toBe('paid');
});

test('R33: a crash before the commit leaves the counter free and no bytes behind', async () => {
  const { shop, phone } = await setUp();
  const offer = await makeOffer(shop, phone);
  const broken = {
    ...phone.needs,
    database: new Proxy(phone.database, {
      get(target, name) {
        // The disk fails exactly at the write-ahead transaction.
        if (name === 'transaction')
          return () => {
            throw new DOMException('disk full', 'QuotaExceededError');
          };
        const value: unknown = Reflect.get(target, name);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    }),
  };
  await expect(payOnce(offer, broken)).rejects.toThrow('disk full');
  expect(await phone.database.count('payments')).toBe(0);
  expect(await allowanceOf(phone)).toMatchObject({ lastCounter: 0, cumulativeMinor: 0n });
  expect((await payOnce(offer, phone.needs)).counter).toBe(1);
});

test('R33: two confirmations of one request make one payment, with the lock and even without it', async () => {
  for (const withLock of [true, false]) {
    const { shop, phone } = await setUp();
    const offer = await makeOffer(shop, phone);
    const needs = withLock
      ? phone.needs
      : { ...phone.needs, withLock: <T>(work: () => Promise<T>) => work() };
    const [first, second] = await Promise.all([payOnce(offer, needs), payOnce(offer, needs)]);
    expect(second.id).toBe(first.id);
    expect(equalBytes(first.payment, second.payment)).toBe(true);
    expect(await phone.database.count('payments')).toBe(1);
    expect(await allowanceOf(phone)).toMatchObject({ lastCounter: 1, cumulativeMinor: 1_250n });
  }
});

test('R33: two tabs that pay two requests at once never use a counter twice, even without the lock', async () => {
  const { shop, phone } = await setUp();
  const offers = await Promise.all(
    [0x44, 0x54, 0x64].map((fill) => makeOffer(shop, phone, { fill, amountMinor: 100n })),
  );
  const needs = { ...phone.needs, withLock: <T>(work: () => Promise<T>) => work() };
  const payments = await Promise.all(offers.map((offer) => payOnce(offer, needs)));
  const inOrder = payments.toSorted((a, b) => a.counter - b.counter);
  expect(inOrder.map((payment) => [payment.counter, payment.cumulativeMinor])).toEqual([
    [1, 100n],
    [2, 200n],
    [3, 300n],
  ]);
});

test('a request that was paid is known again and never offered for signing a second time', async () => {
  const { shop, phone, needs, emit } = await setUp();
  const offer = await makeOffer(shop, phone);
  await confirmAndSend(offer, needs, emit, never);
  await expect(makeOffer(shop, phone)).rejects.toThrow('no offer: "known"');
});

test('an answer lost after the kiosk’s commit: the retry carries the same bytes and gets the same receipt', async () => {
  const { shop, phone, kiosk, needs, events, emit } = await setUp();
  kiosk.faults.push('lost_after', 'lost_before');
  await confirmAndSend(await makeOffer(shop, phone), needs, emit, never);
  expect(events.at(-1)?.event).toBe('receipted');
  expect(new Set(kiosk.received.map(toHex)).size).toBe(1);
  expect(kiosk.accepted.size).toBe(1);
});

test('no answer until the end: not confirmed, the amount stays held, and asking again later is paid once', async () => {
  const { shop, phone, kiosk, needs, events, emit } = await setUp();
  kiosk.faults.push('lost_after', ...Array.from({ length: 200 }, () => 'lost_before' as const));
  await confirmAndSend(await makeOffer(shop, phone), needs, emit, never);
  expect(events.at(-1)).toMatchObject({ event: 'no_answer', code: 'kiosk_unreachable' });
  const [held] = await phone.database.getAll('payments');
  expect(held?.state).toBe('unconfirmed');
  expect(await allowanceOf(phone)).toMatchObject({ cumulativeMinor: 1_250n });
  kiosk.faults.length = 0;
  if (held === undefined) return;
  await sendPayment(held, needs, emit, never);
  expect(events.at(-1)?.event).toBe('receipted');
  expect(kiosk.accepted.size).toBe(1);
});

test('a refused payment stays in the chain: the next one links to it and the kiosk accepts the gap', async () => {
  const { shop, phone, kiosk, needs, events, emit } = await setUp();
  kiosk.faults.push(refusal('request_expired', 409));
  await confirmAndSend(await makeOffer(shop, phone), needs, emit, never);
  expect(events.at(-1)).toMatchObject({ event: 'refused', code: 'request_expired' });
  await confirmAndSend(await makeOffer(shop, phone, { fill: 0x54, amountMinor: 700n }), needs, emit, never);
  expect(events.at(-1)?.event).toBe('receipted');
  const payments = (await phone.database.getAll('payments')).toSorted((a, b) => a.counter - b.counter);
  expect(payments.map((payment) => [payment.state, payment.counter, payment.cumulativeMinor])).toEqual([
    ['refused', 1, 1_250n],
    ['paid', 2, 1_950n],
  ]);
});

test('a refusal is not the last word: a receipt that comes later makes the payment paid', async () => {
  const { shop, phone, kiosk, needs, emit } = await setUp();
  kiosk.faults.push(refusal('kiosk_denied', 403));
  await confirmAndSend(await makeOffer(shop, phone), needs, emit, never);
  const [refused] = await phone.database.getAll('payments');
  expect(refused).toMatchObject({ state: 'refused', refusalCode: 'kiosk_denied' });
  await sendPayment(refused as StoredPayment, needs, emit, never);
  expect(await phone.database.getAll('payments')).toMatchObject([{ state: 'paid', refusalCode: null }]);
});

test('a refusal that the shop’s manager may set aside is asked about quietly until the receipt comes', async () => {
  const { shop, phone, kiosk, needs, events, emit } = await setUp();
  for (let asked = 0; asked < 4; asked += 1) kiosk.faults.push(refusal('first_payment_exceeds_limit', 403));
  await confirmAndSend(await makeOffer(shop, phone), needs, emit, never);
  expect(events.map((event) => event.event)).toEqual([
    ...['confirmed', 'sending', 'sending', 'refused'],
    'receipted',
  ]);
  const payments = await phone.database.getAll('payments');
  expect(payments).toMatchObject([{ state: 'paid', refusalCode: null, counter: 1 }]);
});

test('nobody is asked for longer than the request lives, and the payment stays refused', async () => {
  const { shop, phone, kiosk, needs, events, emit } = await setUp();
  for (let asked = 0; asked < 200; asked += 1) kiosk.faults.push(refusal('first_payment_exceeds_limit', 403));
  await confirmAndSend(await makeOffer(shop, phone), needs, emit, never);
  expect(events.at(-1)?.event).toBe('refused');
  expect(kiosk.faults.length).toBeGreaterThan(100);
  expect(await phone.database.getAll('payments')).toMatchObject([{ state: 'refused' }]);
});

test('R28: a receipt for another payment, or signed by another key, never counts as paid', async () => {
  const { shop, phone, kiosk, needs, events, emit } = await setUp();
  const stranger = await makeShop();
  const other = { hash: new Uint8Array(32).fill(9), amountMinor: 1_250n };
  const aboutAnother = new Uint8Array(await makeReceipt(shop, other, 1));
  const byAnother = new Uint8Array(await makeReceipt(stranger, other, 1));
  for (let turn = 0; turn < 100; turn += 1)
    kiosk.faults.push(new Response(turn % 2 === 0 ? aboutAnother : byAnother));
  await confirmAndSend(await makeOffer(shop, phone), needs, emit, never);
  expect(events.at(-1)?.event).toBe('no_answer');
  expect(await phone.database.getAll('payments')).toMatchObject([{ state: 'unconfirmed', receipt: null }]);
});

test('what no longer fits when it is confirmed is not signed', async () => {
  const { shop, phone, needs, events, emit } = await setUp({ capMinor: 2_000n });
  const [first, second] = [await makeOffer(shop, phone), await makeOffer(shop, phone, { fill: 0x54 })];
  await confirmAndSend(first, needs, emit, never);
  await confirmAndSend(second, needs, emit, never);
  expect(events.at(-1)).toMatchObject({ event: 'signing_failed', code: 'offline_money_too_little' });
  expect(await phone.database.count('payments')).toBe(1);
});

test('an offer that ran out while it was looked at is not signed', async () => {
  const { shop, phone, events, emit, kiosk } = await setUp();
  const offer = await makeOffer(shop, phone);
  const late = payNeeds(
    phone.database,
    phone.mirrors,
    createClock({ offsetMs: 0, newestTime: NOW }, () => (NOW + 16) * 1000),
  );
  await confirmAndSend(
    { ...offer, expiresAt: NOW + 16 },
    runNeeds(shop, { needs: late }, kiosk),
    emit,
    never,
  );
  expect(events.at(-1)).toMatchObject({ event: 'signing_failed', code: 'request_expired' });
  expect(await phone.database.count('payments')).toBe(0);
});
