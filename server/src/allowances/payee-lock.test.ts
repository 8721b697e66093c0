/** Allowances locked to a shop or to one till: who may be named, who is paid, and what the lock frees at closing. */
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isLockedTo } from '@tikiwallet/protocol';
import { Allowance, KioskView } from '../../contract/index.ts';
import { SimulatedKiosk } from '../../test/simulated-kiosk.ts';
import { pay, SimulatedPhone } from '../../test/simulated-phone.ts';
import { startTestServer, type TestServer } from '../../test/test-server.ts';
import { reconcile } from '../ledger/index.ts';

const HOUR_MS = 3_600_000;

let server: TestServer;
let kiosk: SimulatedKiosk;
let otherTill: SimulatedKiosk;
let phone: SimulatedPhone;
beforeEach(async () => {
  server = await startTestServer();
  kiosk = await SimulatedKiosk.open(server, await server.register('merchant'));
  otherTill = await SimulatedKiosk.open(server, kiosk.merchant, 'Till 2');
  phone = await SimulatedPhone.withMoney(server, 10_000n);
});
afterEach(async () => {
  expect(await reconcile(server.context.db)).toMatchObject({ sound: true });
  await server.close();
});

const merchantId = () => kiosk.certificate.merchantId;
const toTill = () => ({ merchantId: merchantId(), kioskId: kiosk.kioskId });
const toShop = () => ({ merchantId: merchantId(), kioskId: null });
async function refusalOf(payeeLock: { merchantId: string; kioskId: string | null }): Promise<string> {
  const key = randomUUID();
  const body = phone.allowanceBody(1_000n, key, payeeLock);
  return String((await server.call('/v1/allowances', { body, key, token: phone.person.token })).code);
}
const denyKiosk = (one: SimulatedKiosk) =>
  server.expect(KioskView, `/v1/merchant/kiosks/${one.kioskId}/deny`, {
    method: 'POST',
    token: one.merchant.token,
  });

describe('a payee lock', () => {
  test('on a till is in the certificate, pays there as locked, and nowhere else', async () => {
    const wallet = await phone.load(3_000n, toTill());
    expect(wallet.allowance.payeeLock).toEqual(toTill());
    expect(isLockedTo(wallet.allowance.payeeLock, kiosk.certificate)).toBe(true);
    const elsewhere = otherTill.request(500n);
    expect(otherTill.judge(wallet, elsewhere, pay({ ...wallet }, elsewhere))).toBe(
      'payment_is_for_another_shop',
    );
    kiosk.sell(wallet, 500n);
    expect(await kiosk.settle()).toEqual(['settled']);
  });

  test('is enforced again at settlement: what a rogue till took is paid by nobody', async () => {
    const wallet = await phone.load(3_000n, toTill());
    const request = otherTill.request(500n);
    otherTill.write(request, wallet, pay(wallet, request));
    expect(await otherTill.settle()).toEqual(['refused:payment_is_for_another_shop']);
    expect(await otherTill.availableMinor()).toBe(0n);
    expect(await phone.allowance(wallet)).toMatchObject({ status: 'active', settledMinor: '0' });
  });

  test('on a shop pays at all its tills', async () => {
    const wallet = await phone.load(3_000n, toShop());
    expect(wallet.allowance.payeeLock).toEqual(toShop());
    kiosk.sell(wallet, 500n);
    otherTill.sell(wallet, 700n);
    expect(await kiosk.settle()).toEqual(['settled']);
    expect(await otherTill.settle()).toEqual(['settled']);
    expect(await kiosk.availableMinor()).toBe(1_200n);
  });

  test('names only who can be paid: no stranger, no till of another shop, nobody denied', async () => {
    const other = await SimulatedKiosk.open(server, await server.register('merchant'));
    expect(await refusalOf({ merchantId: randomUUID(), kioskId: null })).toBe('kiosk_not_found');
    expect(await refusalOf({ merchantId: merchantId(), kioskId: randomUUID() })).toBe('kiosk_not_found');
    expect(await refusalOf({ merchantId: merchantId(), kioskId: other.kioskId })).toBe('kiosk_not_found');
    const planned = await server.expect(KioskView, '/v1/merchant/kiosks', {
      body: { name: 'Till 3' },
      token: kiosk.merchant.token,
      key: randomUUID(),
    });
    expect(await refusalOf({ merchantId: merchantId(), kioskId: planned.id })).toBe('kiosk_not_found');
    await denyKiosk(kiosk);
    expect(await refusalOf(toTill())).toBe('kiosk_denied');
    // The shop has another till.
    expect((await phone.load(1_000n, toShop())).allowance.payeeLock).toEqual(toShop());
    await denyKiosk(otherTill);
    expect(await refusalOf(toShop())).toBe('kiosk_denied');
    expect(await phone.wallet()).toMatchObject({ onlineMinor: '9000', offlineMinor: '1000' });
  });

  test('takes the currency of the shop', async () => {
    await server.database.owner`update kiosks set currency = 'IDR' where id = ${kiosk.kioskId}`;
    expect(await refusalOf(toTill())).toBe('currency_mismatch');
    await server.database.owner`update kiosks set currency = 'SGD' where id = ${kiosk.kioskId}`;
  });

  test('R48: belongs to the order: the same key with another lock is refused, also after a crash', async () => {
    const key = randomUUID();
    const ask = (payeeLock?: { merchantId: string; kioskId: string | null }) =>
      server.call('/v1/allowances', {
        body: phone.allowanceBody(1_000n, key, payeeLock),
        key,
        token: phone.person.token,
      });
    const first = Allowance.parse((await ask(toTill())).body);
    expect(Allowance.parse((await ask(toTill())).body).certificate).toBe(first.certificate);
    const forget = () => server.database.owner`delete from idempotency_keys where key = ${key}`;
    for (const other of [undefined, toShop(), { ...toTill(), kioskId: otherTill.kioskId }]) {
      await forget();
      expect((await ask(other)).code).toBe('idempotency_key_reused');
    }
    await forget();
    expect(Allowance.parse((await ask(toTill())).body).certificate).toBe(first.certificate);
  });
});

describe('closing', () => {
  const report = async (one: SimulatedKiosk) => {
    await one.syncTrust();
    await one.settle(one.heartbeat());
  };

  test('what is locked to a till waits for that till alone', async () => {
    const wallet = await phone.load(3_000n, toTill());
    await phone.close(wallet);
    await report(otherTill);
    expect(await phone.allowance(wallet)).toMatchObject({ status: 'closing' });
    await report(kiosk);
    expect(await phone.allowance(wallet)).toMatchObject({ status: 'closed', returnedMinor: '3000' });
  });

  test('what is locked to a shop waits for all its tills and for no other shop', async () => {
    const silent = await SimulatedKiosk.open(server, await server.register('merchant'));
    const wallet = await phone.load(3_000n, toShop());
    await phone.close(wallet);
    await report(kiosk);
    expect(await phone.allowance(wallet)).toMatchObject({ status: 'closing' });
    await report(otherTill);
    expect(await phone.allowance(wallet)).toMatchObject({ status: 'closed' });
    expect(silent.journal).toHaveLength(0);
  });

  test('a till that was without contact for 72 hours before the money was moved is waited for by its own locks only', async () => {
    const reach = 72 * HOUR_MS + 300_000;
    server.clock.advance(reach - 60_000);
    phone = await SimulatedPhone.withMoney(server, 10_000n);
    const almost = await phone.load(1_000n);
    expect(await phone.close(almost)).toMatchObject({ status: 'closing' });
    server.clock.advance(120_000);
    const open = await phone.load(1_000n);
    // No kiosk of these takes a first payment of it any more, whatever its clock says.
    const request = kiosk.request(100n);
    expect(kiosk.judge(open, request, pay({ ...open }, request))).toBe('trust_bundle_too_old');
    expect(await phone.close(open)).toMatchObject({ status: 'closed', returnedMinor: '1000' });
    const locked = await phone.load(1_000n, toTill());
    const again = kiosk.request(100n);
    expect(kiosk.judge(locked, again, pay({ ...locked }, again))).toBe(null);
    expect(await phone.close(locked)).toMatchObject({ status: 'closing' });
  });
});
