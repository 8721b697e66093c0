/** Voids and refunds at the cloud: paid back once, never beyond the sale, never below zero, whoever sends what when. */
import { randomBytes, randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { toHex } from '@tikiwallet/protocol';
import { HistoryItem, MerchantRefundView, pageOf, RefundView, SaleView } from '../../contract/index.ts';
import { SimulatedKiosk } from '../../test/simulated-kiosk.ts';
import { clone, newKey, type OfflineWallet, pay, SimulatedPhone } from '../../test/simulated-phone.ts';
import { acceptRefund, offerRefund, refund, writeRefund } from '../../test/simulated-refunds.ts';
import { startTestServer, type TestServer } from '../../test/test-server.ts';
import { inTransaction } from '../db/retry.ts';
import { findAccount, postTransfers, reconcile } from '../ledger/index.ts';

let server: TestServer;
let kiosk: SimulatedKiosk;
let phone: SimulatedPhone;
let wallet: OfflineWallet;
beforeEach(async () => {
  server = await startTestServer({
    maxConnections: 16,
    env: { TIKI_ALLOWANCE_OUTSTANDING_MAX_MINOR: '100000' },
  });
  kiosk = await SimulatedKiosk.open(server, await server.register('merchant', { businessName: 'Toko' }));
  phone = await SimulatedPhone.withMoney(server, 10_000n);
  wallet = await phone.load(5_000n);
});
afterEach(async () => {
  // R50: every entry is matched, every refund has its transfer and fits its sale.
  expect(await reconcile(server.context.db)).toMatchObject({ sound: true, refunds: { faults: [] } });
  await server.close();
});

const onlineMinor = async () => BigInt((await phone.wallet()).onlineMinor);
const mine = async () =>
  (await server.expect(pageOf(RefundView), '/v1/refunds', { token: phone.person.token })).items;

/** The merchant takes everything out, as a pay-out would. */
async function payOut(minor: bigint): Promise<void> {
  await inTransaction(server.context.db, async (tx) => {
    const { merchantId } = await kiosk.summary();
    const { currency } = kiosk.certificate;
    const from = await findAccount(tx, { kind: 'merchant_available', ownerId: merchantId, currency });
    const to = await findAccount(tx, { kind: 'stripe_clearing', currency });
    const entries = [
      { accountId: from, amountMinor: -minor },
      { accountId: to, amountMinor: minor },
    ];
    const [posted] = await postTransfers(tx, [
      { id: randomUUID(), kind: 'pay_out', idempotencyKey: randomUUID(), reference: {}, entries },
    ]);
    expect(posted?.status).toBe('posted');
  });
}

describe('money goes back to the online wallet', () => {
  test('with its sale in one batch, and both sides see it', async () => {
    const payment = kiosk.sell(wallet, 1_250n);
    const offer = refund(kiosk, wallet, { payment, amountMinor: 500n });
    expect(await kiosk.settle()).toEqual(['settled', 'settled']);
    expect(await kiosk.availableMinor()).toBe(750n);
    expect(await onlineMinor()).toBe(5_500n);
    // Nothing of it returns to the allowance: what was signed stays signed.
    expect(await phone.allowance(wallet)).toMatchObject({ settledMinor: '1250', reservedMinor: '3750' });
    expect(await mine()).toMatchObject([
      { offerHash: toHex(offer.hash), state: 'settled', amountMinor: '500', businessName: 'Toko' },
    ]);
    const { token } = kiosk.merchant;
    const given = await server.expect(pageOf(MerchantRefundView), '/v1/merchant/refunds', { token });
    expect(given.items).toMatchObject([{ kioskName: 'Till 1', state: 'settled', byClaim: false }]);
    const sales = await server.expect(pageOf(SaleView), '/v1/merchant/sales', { token });
    expect(sales.items).toMatchObject([{ amountMinor: '1250', refundedMinor: '500' }]);
    const shop = await server.expect(pageOf(HistoryItem), '/v1/history', { token });
    expect(shop.items).toMatchObject([
      { kind: 'refund_given', amountMinor: '-500' },
      { kind: 'sale', amountMinor: '1250' },
    ]);
    const payer = await server.expect(pageOf(HistoryItem), '/v1/history', { token: phone.person.token });
    expect(payer.items[0]).toMatchObject({
      kind: 'refund_received',
      amountMinor: '500',
      counterparty: 'Toko',
      paymentHash: toHex(payment.hash),
    });
  });

  test('after settlement, in parts, until nothing is left', async () => {
    const payment = kiosk.sell(wallet, 1_000n);
    await kiosk.settle();
    refund(kiosk, wallet, { payment, amountMinor: 400n });
    refund(kiosk, wallet, { payment, amountMinor: 600n });
    refund(kiosk, wallet, { payment, amountMinor: 1n });
    expect(await kiosk.settle(kiosk.batch({ from: 2, to: 4 }))).toEqual([
      'settled',
      'settled',
      'refused:refund_exceeds_sale',
    ]);
    expect(await onlineMinor()).toBe(6_000n);
    expect(await kiosk.availableMinor()).toBe(0n);
  });

  test('also when the allowance is closed by then', async () => {
    const payment = kiosk.sell(wallet, 1_000n);
    await kiosk.settle();
    await phone.close(wallet);
    refund(kiosk, wallet, { payment, amountMinor: 1_000n }, { kind: 'void' });
    expect(await kiosk.settle(kiosk.batch({ from: 2, to: 2 }))).toEqual(['settled']);
    await kiosk.syncTrust();
    await kiosk.handIn(kiosk.heartbeat());
    expect(await onlineMinor()).toBe(10_000n);
  });
});

describe('a refund counts once (R47, R48, R49)', () => {
  test('the same batch again, and the same refund at another sequence', async () => {
    const payment = kiosk.sell(wallet, 1_000n);
    const offer = refund(kiosk, wallet, { payment, amountMinor: 300n });
    const batch = kiosk.batch();
    const first = await kiosk.handIn(batch);
    expect((await kiosk.handIn(batch)).bytes).toEqual(first.bytes);
    // A second acceptance of the same offer is the same refund.
    writeRefund(kiosk, wallet, offer, acceptRefund(wallet, offer));
    expect(await kiosk.settle(kiosk.batch({ from: 3, to: 3 }))).toEqual(['settled']);
    expect(await kiosk.settle()).toEqual(['settled', 'settled', 'settled']);
    expect(await onlineMinor()).toBe(5_300n);
  });

  test('R49 sent many times at once', async () => {
    const payment = kiosk.sell(wallet, 1_000n);
    refund(kiosk, wallet, { payment, amountMinor: 700n });
    const batch = kiosk.batch();
    await Promise.all(Array.from({ length: 12 }, () => kiosk.handIn(batch)));
    expect(await onlineMinor()).toBe(5_700n);
    expect(await kiosk.availableMinor()).toBe(300n);
  });

  test('two offers under one refund id: the second is refused', async () => {
    const payment = kiosk.sell(wallet, 1_000n);
    const refundIdBytes = new Uint8Array(randomBytes(16));
    refund(kiosk, wallet, { payment, amountMinor: 100n }, { refundIdBytes });
    refund(kiosk, wallet, { payment, amountMinor: 200n }, { refundIdBytes });
    expect(await kiosk.settle()).toEqual(['settled', 'settled', 'refused:refund_id_used_twice']);
    expect(await onlineMinor()).toBe(5_100n);
  });
});

describe('nobody takes what is not theirs', () => {
  test('a refund of a sale that was refused or disputed gives nothing back', async () => {
    const request = kiosk.request(400n);
    const forged = pay(wallet, request, { forgedBy: newKey() });
    kiosk.write(request, wallet, forged);
    refund(kiosk, wallet, { payment: forged, amountMinor: 400n });
    expect(await kiosk.settle()).toEqual([
      'refused:payment_signature_invalid',
      'refused:refund_of_unpaid_sale',
    ]);
    expect(await onlineMinor()).toBe(5_000n);
  });

  test('another kiosk, a stranger, a void of a part, a payment that never was, a sale that comes later', async () => {
    const other = await SimulatedKiosk.open(server, kiosk.merchant, 'Till 2');
    const stranger = await (await SimulatedPhone.withMoney(server, 2_000n)).load(1_000n);
    const payment = kiosk.sell(wallet, 1_000n);
    await kiosk.settle();
    refund(other, wallet, { payment, amountMinor: 10n }, { sequence: 1 });
    expect(await other.settle()).toEqual(['refused:refund_is_for_another_payment']);
    other.append('start');
    refund(other, wallet, { payment, amountMinor: 10n }, { sequence: 1 });
    expect(await other.settle(other.batch({ from: 2, to: 3 }))).toEqual([
      'refused:refund_is_for_another_kiosk',
    ]);
    refund(kiosk, stranger, { payment, amountMinor: 10n });
    refund(kiosk, wallet, { payment, amountMinor: 999n }, { kind: 'void' });
    const never = pay(clone(wallet), kiosk.request(50n));
    refund(kiosk, wallet, { payment: never, amountMinor: 10n }, { sequence: 1 });
    refund(kiosk, wallet, { payment, amountMinor: 10n }, { sequence: 2 });
    expect(await kiosk.settle(kiosk.batch({ from: 2, to: 5 }))).toEqual([
      'refused:refund_acceptance_signature_invalid',
      'refused:void_is_not_whole',
      'refused:refund_is_for_another_payment',
      'refused:refund_entry_inconsistent',
    ]);
    expect(await onlineMinor()).toBe(5_000n);
    expect(await kiosk.availableMinor()).toBe(1_000n);
  });

  test('what the guarantee fund paid for an overspending phone goes back to the fund first', async () => {
    const twin = clone(wallet);
    kiosk.sell(wallet, 5_000n);
    const other = await SimulatedKiosk.open(server, kiosk.merchant, 'Till 2');
    const second = other.sell(twin, 2_000n);
    await kiosk.settle();
    expect(await other.settle()).toEqual(['settled_by_guarantee']);
    refund(other, twin, { payment: second, amountMinor: 1_500n });
    refund(other, twin, { payment: second, amountMinor: 500n });
    expect(await other.settle(other.batch({ from: 2, to: 3 }))).toEqual(['settled', 'settled']);
    expect(await onlineMinor()).toBe(5_000n);
    const [debt] = await server.database.owner<{ amount_minor: string; recovered_minor: string }[]>`
      select amount_minor, recovered_minor from debts`;
    expect(debt).toEqual({ amount_minor: '2000', recovered_minor: '2000' });
  });

  test('what comes back of an honest payment repays a debt of another one', async () => {
    const twin = clone(wallet);
    const first = kiosk.sell(wallet, 5_000n);
    const other = await SimulatedKiosk.open(server, kiosk.merchant, 'Till 2');
    other.sell(twin, 2_000n);
    await kiosk.settle();
    expect(await other.settle()).toEqual(['settled_by_guarantee']);
    refund(kiosk, wallet, { payment: first, amountMinor: 2_500n });
    expect(await kiosk.settle(kiosk.batch({ from: 2, to: 2 }))).toEqual(['settled']);
    expect(await onlineMinor()).toBe(5_500n);
    expect(await mine()).toMatchObject([{ amountMinor: '2500', state: 'settled' }]);
  });

  test('the database itself refuses a sum beyond the sale, and a refund that is unsaid', async () => {
    const payment = kiosk.sell(wallet, 1_000n);
    refund(kiosk, wallet, { payment, amountMinor: 600n });
    await kiosk.settle();
    const { owner } = server.database;
    await expect(owner`update refund_sums set refunded_minor = 1001`).rejects.toThrow(/within_sale/);
    await expect(owner`update refund_sums set refunded_minor = 599`).rejects.toThrow(/not taken again/);
    await expect(owner`update refunds set state = 'waiting', settled_at = null`).rejects.toThrow(/settled/);
  });
});

describe("a merchant's balance that does not cover it", () => {
  test('makes it wait, is never overdrawn, and the next sale pays it first; the kiosk hears of both', async () => {
    const payment = kiosk.sell(wallet, 1_000n);
    await kiosk.settle();
    await payOut(900n);
    refund(kiosk, wallet, { payment, amountMinor: 400n });
    expect(await kiosk.settle(kiosk.batch({ from: 2, to: 2 }))).toEqual(['waiting']);
    expect(await kiosk.summary()).toMatchObject({ availableMinor: '100', waitingRefundsMinor: '400' });
    expect(await mine()).toMatchObject([{ state: 'waiting', settledAt: null }]);
    expect(await onlineMinor()).toBe(5_000n);
    kiosk.sell(wallet, 200n);
    expect(await kiosk.settle(kiosk.batch({ from: 3, to: 3 }))).toEqual(['settled']);
    expect(await kiosk.summary()).toMatchObject({ availableMinor: '300', waitingRefundsMinor: '400' });
    kiosk.sell(wallet, 150n);
    const { acknowledgement } = await kiosk.handIn(kiosk.batch({ from: 4, to: 4 }));
    // The later acknowledgement says how the earlier entry ended, and every one after it says so again.
    expect(acknowledgement?.results).toEqual([
      { sequence: 2, outcome: 'settled', code: null },
      { sequence: 4, outcome: 'settled', code: null },
    ]);
    expect((await kiosk.handIn(kiosk.heartbeat())).acknowledgement?.results).toEqual([
      { sequence: 2, outcome: 'settled', code: null },
    ]);
    expect(await kiosk.summary()).toMatchObject({ availableMinor: '50', waitingRefundsMinor: '0' });
    expect(await onlineMinor()).toBe(5_400n);
  });

  test('counts against the sale while it waits', async () => {
    const payment = kiosk.sell(wallet, 1_000n);
    await kiosk.settle();
    await payOut(1_000n);
    refund(kiosk, wallet, { payment, amountMinor: 700n });
    refund(kiosk, wallet, { payment, amountMinor: 400n });
    expect(await kiosk.settle(kiosk.batch({ from: 2, to: 3 }))).toEqual([
      'waiting',
      'refused:refund_exceeds_sale',
    ]);
  });
});

test('an offer of one kiosk given back at many kiosks at once stays within the sale', async () => {
  const tills = await Promise.all(
    ['Till 2', 'Till 3', 'Till 4'].map((name) => SimulatedKiosk.open(server, kiosk.merchant, name)),
  );
  const payment = kiosk.sell(wallet, 1_000n);
  await kiosk.settle();
  const offer = offerRefund(kiosk, payment, 600n);
  writeRefund(kiosk, wallet, offer);
  for (const till of tills) writeRefund(till, wallet, offer);
  await Promise.all([kiosk.handIn(kiosk.batch({ from: 2, to: 2 })), ...tills.map((till) => till.handIn())]);
  expect(await onlineMinor()).toBe(5_600n);
});
