import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Sales } from './sales.ts';
import type { CommandName, CommandParams, CommandResult } from './store/messages.ts';
import { TestIssuer, TestKiosk } from './test/world.ts';

const issuer = new TestIssuer();
let kiosk: TestKiosk;
let sales: Sales;
let changes: number;
let refusals: number;

beforeEach(() => {
  kiosk = new TestKiosk();
  kiosk.enrol(issuer);
  changes = 0;
  refusals = 0;
  sales = new Sales({
    store: {
      accept: async (bytes) => kiosk.acceptOne(bytes),
      run: async <N extends CommandName>(name: N, params: CommandParams<N>): Promise<CommandResult<N>> =>
        kiosk.desk.run(name, params),
    },
    clock: kiosk.clock,
    addresses: () => [],
    requestTtlSeconds: 120,
    mostOpen: () => kiosk.desk.store.memory.mostOpen,
    onChange: () => (changes += 1),
    onRefusal: () => (refusals += 1),
    onError: (error) => {
      throw error;
    },
  });
});
afterEach(() => {
  sales.close();
  kiosk.dispose();
});

const sale = () => ({ saleId: randomUUID(), amountMinor: '500' });
const frontEnvelope = () => sales.openEnvelopes().at(-1) ?? null;

test('a sale that can be paid stays on the screen when an older one is asked for again', async () => {
  const older = sale();
  await sales.open(older);
  await sales.cancel(older.saleId);
  const newer = sale();
  await sales.open(newer);
  expect(await sales.open(older)).toMatchObject({ saleId: older.saleId, state: 'cancelled' });
  expect(sales.view()).toMatchObject({ saleId: newer.saleId, state: 'open' });
  const envelope = frontEnvelope();
  if (envelope === null) throw new Error('the newer sale is open');
  await sales.accept(issuer.phone().pay(envelope).delivery);
  expect(sales.view()).toMatchObject({ saleId: newer.saleId, state: 'paid' });
});

test('a machine that slept shows its sale as over as soon as it looks', async () => {
  await sales.open(sale());
  kiosk.clock.wall += 3_600_000;
  expect(frontEnvelope()).toBeNull();
  await sales.lookAgain();
  expect(sales.view()).toMatchObject({ state: 'expired', remainingMs: 0 });
});

test('a request shows no payment of another one, and a repeat of an old payment does not change the screen', async () => {
  const first = sale();
  await sales.open(first);
  const envelope = frontEnvelope();
  if (envelope === null) throw new Error('the sale is open');
  const { delivery } = issuer.phone().pay(envelope);
  await sales.accept(delivery);
  const second = sale();
  await sales.open(second);
  expect((await sales.accept(delivery)).kind).toBe('repeated');
  expect(sales.view()).toMatchObject({ saleId: second.saleId, state: 'open', payment: null });
});

test('refused attempts are told as refusals, and never push a change of the sale itself', async () => {
  const { saleId } = await sales.open(sale());
  const phone = issuer.phone();
  const envelope = frontEnvelope();
  if (envelope === null) throw new Error('the sale is open');
  const { payment } = phone.pay(envelope, { amountMinor: 499n });
  for (let i = 0; i < 5; i += 1) await sales.accept(phone.deliver(payment.bytes));
  expect({ changes, refusals }).toEqual({ changes: 1, refusals: 5 });
  expect(sales.view()).toMatchObject({
    saleId,
    state: 'open',
    lastRefusal: { code: 'payment_amount_differs_from_request', attempts: 5 },
  });
});

test('what a stranger sends does not take from the screen what the manager can decide', async () => {
  kiosk.dispose();
  kiosk = new TestKiosk();
  kiosk.enrol(issuer, { policy: { firstPaymentMinor: 100n } });
  kiosk.setPin();
  await sales.open(sale());
  const envelope = frontEnvelope();
  if (envelope === null) throw new Error('the sale is open');
  await sales.accept(issuer.phone().pay(envelope).delivery);
  const shown = sales.view()?.lastRefusal;
  expect(shown?.override?.codes).toEqual(['first_payment_exceeds_limit']);
  const stranger = issuer.phone();
  const unreadable = stranger.repeat(new Uint8Array([1]));
  const { delivery: wrong } = stranger.pay(envelope, { amountMinor: 499n });
  for (const bytes of [unreadable, wrong]) {
    expect(await sales.accept(bytes)).toMatchObject({
      kind: 'refused',
      requestId: sales.current?.requestId,
    });
    expect(sales.view()?.lastRefusal).toEqual(shown);
  }
});

test('a phone that waits for the manager is one attempt, and is paid when the manager decides', async () => {
  kiosk.dispose();
  kiosk = new TestKiosk();
  kiosk.enrol(issuer, { policy: { firstPaymentMinor: 100n } });
  kiosk.setPin();
  const wish = sale();
  await sales.open(wish);
  const envelope = frontEnvelope();
  if (envelope === null) throw new Error('open');
  const { delivery } = issuer.phone().pay(envelope);
  for (let asked = 0; asked < 3; asked += 1) await sales.accept(delivery);
  const refusal = sales.view()?.lastRefusal;
  expect([refusal?.code, refusal?.attempts, refusals]).toEqual(['first_payment_exceeds_limit', 1, 1]);
  const offer = refusal?.override;
  if (offer === null || offer === undefined) throw new Error('an offer');
  await sales.override({
    saleId: wish.saleId,
    paymentHash: offer.paymentHash,
    codes: ['first_payment_exceeds_limit'],
    reason: 'emergency',
    pinHash: kiosk.tryPin(),
  });
  expect(sales.view()).toMatchObject({ state: 'paid', payment: { tier: 'at_risk' } });
  expect((await sales.accept(delivery)).kind).toBe('repeated');
});

/** Three customers at one till. */
async function openThree(): Promise<readonly [string, string, string]> {
  kiosk.serveSeveral(3);
  const wishes = ['500', '700', '900'].map((amountMinor) => ({ saleId: randomUUID(), amountMinor }));
  for (const wish of wishes) await sales.open(wish);
  const [first = '', second = '', third = ''] = wishes.map(({ saleId }) => saleId);
  return [first, second, third];
}
const statesOf = () => sales.views().map(({ saleId, state }) => [saleId, state]);
const envelopeAt = (index: number): Uint8Array => {
  const envelope = sales.openEnvelopes()[index];
  if (envelope === undefined) throw new Error('an open sale');
  return envelope;
};

test('a payment pays its own request, whichever is in front, and hides no other that waits', async () => {
  const [first, second, third] = await openThree();
  expect(sales.view()?.saleId).toBe(third);
  const { delivery } = issuer.phone().pay(envelopeAt(0));
  await sales.accept(delivery);
  expect(statesOf()).toEqual([
    [first, 'paid'],
    [second, 'open'],
    [third, 'open'],
  ]);
  expect(sales.view()).toMatchObject({ saleId: third, state: 'open', amountMinor: '900' });
  sales.bringToFront(first);
  expect(sales.view()).toMatchObject({ saleId: first, amountMinor: '500', payment: { amountMinor: '500' } });
});

test('a code that the camera read comes to the front with its receipt; a repeat of an older one does not', async () => {
  const [first, second, third] = await openThree();
  const one = issuer.phone().pay(envelopeAt(0)).delivery;
  const other = issuer.phone().pay(envelopeAt(1)).delivery;
  await sales.accept(one, 'camera');
  expect(sales.view()).toMatchObject({ saleId: first, state: 'paid', wasScanned: true });
  await sales.accept(other);
  sales.bringToFront(third);
  await sales.accept(other, 'camera');
  expect(sales.view()).toMatchObject({ saleId: third, state: 'open', wasScanned: false });
  expect(sales.views()[1]).toMatchObject({ saleId: second, state: 'paid', wasScanned: true });
});

test('refusals and what a manager may decide belong to the sale they were about', async () => {
  kiosk.dispose();
  kiosk = new TestKiosk();
  kiosk.enrol(issuer, { policy: { firstPaymentMinor: 600n } });
  const [first, second, third] = await openThree();
  await sales.accept(issuer.phone().pay(envelopeAt(2)).delivery);
  await sales.accept(issuer.phone().pay(envelopeAt(1)).delivery);
  const phone = issuer.phone();
  await sales.accept(phone.pay(envelopeAt(0), { amountMinor: 499n }).delivery);
  const told = sales
    .views()
    .map(({ saleId, lastRefusal }) => [saleId, lastRefusal?.code, lastRefusal?.override?.codes]);
  expect(told).toEqual([
    [first, 'payment_amount_differs_from_request', undefined],
    [second, 'first_payment_exceeds_limit', ['first_payment_exceeds_limit']],
    [third, 'first_payment_exceeds_limit', ['first_payment_exceeds_limit']],
  ]);
  const offer = sales.views()[1]?.lastRefusal?.override;
  if (offer === null || offer === undefined) throw new Error('an offer');
  await sales.override({
    saleId: second,
    paymentHash: offer.paymentHash,
    codes: ['first_payment_exceeds_limit'],
    reason: 'emergency',
    pinHash: kiosk.tryPin(),
  });
  expect(statesOf()).toEqual([
    [first, 'open'],
    [second, 'paid'],
    [third, 'open'],
  ]);
});

test('a cancelled sale leaves the counter, an ended one stays until it is put away, an open one cannot be', async () => {
  const [first, second, third] = await openThree();
  await sales.accept(issuer.phone().pay(envelopeAt(1)).delivery);
  await sales.cancel(third);
  expect(sales.view()).toBeNull();
  await expect(sales.putAway(first)).rejects.toMatchObject({ code: 'sale_in_progress' });
  expect(statesOf()).toEqual([
    [first, 'open'],
    [second, 'paid'],
  ]);
  await sales.putAway(second);
  expect(statesOf()).toEqual([[first, 'open']]);
});

test('each sale is over by itself, and a machine that slept finds all of them over', async () => {
  const [first, second, third] = await openThree();
  kiosk.clock.pass(60_000);
  await sales.cancel(third);
  const late = { saleId: randomUUID(), amountMinor: '300' };
  await sales.open(late);
  kiosk.clock.pass(70_000);
  await sales.lookAgain();
  expect(statesOf()).toEqual([
    [first, 'expired'],
    [second, 'expired'],
    [late.saleId, 'open'],
  ]);
  expect(sales.openEnvelopes()).toHaveLength(1);
});

test('the choice taken back lets what is open end, and opens no other beside it', async () => {
  const [first] = await openThree();
  kiosk.desk.run('setMostOpen', { most: 1, pinHash: null });
  await expect(sales.open(sale())).rejects.toMatchObject({ code: 'sale_in_progress' });
  await sales.accept(issuer.phone().pay(envelopeAt(0)).delivery);
  expect(sales.views()[0]).toMatchObject({ saleId: first, state: 'paid' });
  for (const { saleId, state } of sales.views()) if (state === 'open') await sales.cancel(saleId);
  const next = sale();
  await sales.open(next);
  expect(statesOf()).toEqual([[next.saleId, 'open']]);
});

test('a till that is stopped takes its open code off the counter and says why; what was paid in that moment stays paid', async () => {
  await sales.open(sale());
  const envelope = frontEnvelope();
  if (envelope === null) throw new Error('the sale is open');
  kiosk.desk.run('noteSuspended', null);
  await sales.noteStopped('kiosk_suspended');
  expect(frontEnvelope()).toBeNull();
  expect(sales.view()).toMatchObject({ state: 'cancelled', lastRefusal: { code: 'kiosk_suspended' } });
  const late = await sales.accept(issuer.phone().pay(envelope).delivery);
  expect(late).toMatchObject({ kind: 'refused', code: 'kiosk_suspended' });

  const certificate = kiosk.desk.store.memory.kiosk?.certificate.bytes ?? new Uint8Array();
  kiosk.desk.run('refreshTrust', issuer.trust(certificate, { version: 2 }));
  await sales.open(sale());
  const next = frontEnvelope();
  if (next === null) throw new Error('the sale is open');
  kiosk.acceptOne(issuer.phone().pay(next).delivery);
  kiosk.desk.run('noteSuspended', null);
  await sales.noteStopped('kiosk_suspended');
  expect(sales.view()).toMatchObject({ state: 'paid' });
});
