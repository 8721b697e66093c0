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

test('a sale that can be paid stays on the screen when an older one is asked for again', async () => {
  const older = sale();
  await sales.open(older);
  await sales.cancel(older.saleId);
  const newer = sale();
  await sales.open(newer);
  expect(await sales.open(older)).toMatchObject({ saleId: older.saleId, state: 'cancelled' });
  expect(sales.view()).toMatchObject({ saleId: newer.saleId, state: 'open' });
  const envelope = sales.openEnvelope();
  if (envelope === null) throw new Error('the newer sale is open');
  await sales.accept(issuer.phone().pay(envelope).delivery);
  expect(sales.view()).toMatchObject({ saleId: newer.saleId, state: 'paid' });
});

test('a machine that slept shows its sale as over as soon as it looks', async () => {
  await sales.open(sale());
  kiosk.clock.wall += 3_600_000;
  expect(sales.openEnvelope()).toBeNull();
  await sales.lookAgain();
  expect(sales.view()).toMatchObject({ state: 'expired', remainingMs: 0 });
});

test('a request shows no payment of another one, and a repeat of an old payment does not change the screen', async () => {
  const first = sale();
  await sales.open(first);
  const envelope = sales.openEnvelope();
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
  const envelope = sales.openEnvelope();
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
  const envelope = sales.openEnvelope();
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
  const envelope = sales.openEnvelope();
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
