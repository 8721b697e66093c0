/** Lost phones and changed phones: what is denied, what shops still get, and when the rest comes back. */
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Allowance, KioskView } from '../../contract/index.ts';
import { SimulatedKiosk } from '../../test/simulated-kiosk.ts';
import { clone, type OfflineWallet, pay, SimulatedPhone } from '../../test/simulated-phone.ts';
import { startTestServer, type TestServer } from '../../test/test-server.ts';
import { reconcile } from '../ledger/index.ts';
import { giveBackAll } from './index.ts';

const HOUR_MS = 3_600_000;

let server: TestServer;
let kiosk: SimulatedKiosk;
let phone: SimulatedPhone;
let wallet: OfflineWallet;
beforeEach(async () => {
  server = await startTestServer();
  kiosk = await SimulatedKiosk.open(server, await server.register('merchant'));
  phone = await SimulatedPhone.withMoney(server, 10_000n);
  wallet = await phone.load(5_000n);
});
afterEach(async () => {
  expect(await reconcile(server.context.db)).toMatchObject({ sound: true });
  await server.close();
});

const denyLost = (lost = wallet) =>
  server.expect(Allowance, `/v1/allowances/${lost.allowance.allowanceId}/deny`, {
    method: 'POST',
    token: phone.person.token,
  });
const report = async (reporting: SimulatedKiosk) => {
  await reporting.syncTrust();
  await reporting.settle(reporting.heartbeat());
};
const denyKiosk = (stolen: SimulatedKiosk) =>
  server.expect(KioskView, `/v1/merchant/kiosks/${stolen.kioskId}/deny`, {
    method: 'POST',
    token: stolen.merchant.token,
  });

describe('a lost phone', () => {
  test('is refused by every kiosk with news, and what was accepted before is paid', async () => {
    kiosk.sell(wallet, 700n);
    const denied = await denyLost();
    expect(denied).toMatchObject({
      status: 'denied',
      deniedFor: 'lost',
      reservedMinor: '5000',
      returnedMinor: '0',
    });
    expect(denied.returnsBy).not.toBeNull();
    expect(await denyLost()).toEqual(denied);
    // The thief pays where the news has not come.
    kiosk.sell(wallet, 300n);
    expect(await kiosk.settle()).toEqual(['settled', 'settled']);
    await kiosk.syncTrust();
    const request = kiosk.request(10n);
    expect(kiosk.judge(wallet, request, pay(clone(wallet), request))).toBe('allowance_denied');
    expect(await phone.allowance(wallet)).toMatchObject({ status: 'denied', settledMinor: '1000' });
  });

  test('gets its rest back once every shop has reported, exactly once', async () => {
    const far = await SimulatedKiosk.open(server, kiosk.merchant, 'On the mountain');
    kiosk.sell(wallet, 700n);
    await kiosk.settle();
    await denyLost();
    await report(kiosk);
    expect(await phone.allowance(wallet)).toMatchObject({ returnedMinor: '0' });
    await report(far);
    expect(await phone.allowance(wallet)).toMatchObject({
      status: 'denied',
      settledMinor: '700',
      returnedMinor: '4300',
      reservedMinor: '0',
      returnsBy: null,
    });
    expect(await phone.wallet()).toMatchObject({ onlineMinor: '9300', offlineMinor: '0' });
    await report(kiosk);
    await denyLost();
    expect(await phone.wallet()).toMatchObject({ onlineMinor: '9300', offlineMinor: '0' });
  });

  test('waits for the claim window where a kiosk was stolen in its life: receipts may still claim it', async () => {
    const stolen = await SimulatedKiosk.open(server, kiosk.merchant, 'Stolen');
    await denyKiosk(stolen);
    await denyLost();
    await report(kiosk);
    expect(await phone.allowance(wallet)).toMatchObject({ returnedMinor: '0' });
    server.clock.advance((72 + 7 * 24 + 1) * HOUR_MS);
    const { worker, clock, offline } = server.context;
    await giveBackAll({ db: worker, clock, policy: offline.policy });
    const [row] = await server.database.owner<{ returned_minor: string }[]>`
      select returned_minor from allowances where id = ${wallet.allowance.allowanceId}`;
    expect(row?.returned_minor).toBe('5000');
  });

  test('that turns out to be a copied one keeps its rest for a person to decide', async () => {
    const copy = clone(wallet);
    kiosk.sell(wallet, 100n);
    await denyLost();
    const other = await SimulatedKiosk.open(server, await server.register('merchant'));
    const asked = kiosk.request(200n);
    kiosk.write(asked, copy, pay(copy, asked));
    await kiosk.settle();
    await report(kiosk);
    await report(other);
    expect(await phone.allowance(wallet)).toMatchObject({ settledMinor: '300', returnedMinor: '0' });
  });

  test('waits while the deny list is full, and pushes no closing off it (R31)', async () => {
    const other = await phone.load(1_000n);
    await phone.close(other);
    const { owner } = server.database;
    const fill = (count: number) => owner`
      insert into denied_subjects (kind, subject_id, reason, version, listed_until)
      select 'allowance', gen_random_uuid(), 'lost', (select deny_list_version from trust_state),
        ${new Date(server.clock.nowMs() + 240 * HOUR_MS)} from generate_series(1, ${count})`;
    await fill(39_499);
    const path = `/v1/allowances/${wallet.allowance.allowanceId}/deny`;
    const refused = await server.call(path, { method: 'POST', token: phone.person.token });
    expect(refused).toMatchObject({ status: 503, code: 'service_unavailable' });
    expect(await phone.allowance(wallet)).toMatchObject({ status: 'active' });
    expect((await kiosk.syncTrust()).deniedAllowances.has(other.allowance.allowanceId)).toBe(true);
    await owner`delete from denied_subjects where subject_id in
      (select subject_id from denied_subjects where reason = 'lost' limit 1)`;
    expect(await denyLost()).toMatchObject({ status: 'denied' });
    expect((await kiosk.syncTrust()).deniedAllowances.has(wallet.allowance.allowanceId)).toBe(true);
  });

  test('of somebody else is not found, and one that is closing stays as it is', async () => {
    const stranger = await server.register('customer');
    const path = `/v1/allowances/${wallet.allowance.allowanceId}/deny`;
    expect((await server.call(path, { method: 'POST', token: stranger.token })).code).toBe(
      'allowance_not_found',
    );
    const closing = await phone.close(wallet);
    expect(await denyLost()).toEqual(closing);
  });
});

describe('a new phone', () => {
  test('loads a new allowance with its own key while the old one is on its way back', async () => {
    kiosk.sell(wallet, 700n);
    await denyLost();
    const next = new SimulatedPhone(server, phone.person);
    const fresh = await next.load(2_000n);
    expect(fresh.allowance.devicePublicKey).toEqual(next.key.publicKey);
    expect(await next.wallet()).toMatchObject({ onlineMinor: '3000', offlineMinor: '7000' });
    await kiosk.settle();
    await report(kiosk);
    expect(await next.wallet()).toMatchObject({ onlineMinor: '7300', offlineMinor: '2000' });
    kiosk.sell(fresh, 500n);
    expect(await kiosk.settle(kiosk.batch({ from: 2, to: 2 }))).toEqual(['settled']);
  });

  test('cannot have more offline than one person may, the old money included', async () => {
    await server.topUp(phone.person, 90_000n);
    const loads = [20_000n, 20_000n, 5_000n];
    for (const amount of loads) await phone.load(amount);
    await denyLost();
    const next = new SimulatedPhone(server, phone.person);
    const key = randomUUID();
    const body = next.allowanceBody(1_000n, key);
    expect((await server.call('/v1/allowances', { body, key, token: next.person.token })).code).toBe(
      'allowance_limit_reached',
    );
  });
});

describe('a stolen kiosk', () => {
  test('is denied by its merchant, once and for ever: its token, its batches, its code and its place on the list', async () => {
    kiosk.sell(wallet, 700n);
    await kiosk.settle();
    kiosk.sell(wallet, 300n);
    const before = kiosk.trust.denyListVersion;
    const view = await denyKiosk(kiosk);
    expect(view).toMatchObject({ status: 'denied', settledSequence: 1, enrolment: null });
    expect(await denyKiosk(kiosk)).toEqual(view);
    expect((await kiosk.handIn()).problem).toMatchObject({ code: 'kiosk_denied' });
    // The signed word that it is denied is all that it may still have.
    expect((await kiosk.syncTrust()).deniedKiosks.has(kiosk.kioskId)).toBe(true);
    expect(await kiosk.availableMinor()).toBe(700n);
    const other = await SimulatedKiosk.open(server, kiosk.merchant, 'Its heir');
    expect(other.trust.deniedKiosks.has(kiosk.kioskId)).toBe(true);
    expect(other.trust.denyListVersion).toBe(before + 1);
    const path = `/v1/merchant/kiosks/${kiosk.kioskId}/code`;
    expect((await server.call(path, { method: 'POST', token: kiosk.merchant.token })).code).toBe(
      'kiosk_denied',
    );
  });

  test('whose batch races its denial is settled before it or not at all', async () => {
    kiosk.sell(wallet, 700n);
    const [batch] = await Promise.all([kiosk.handIn(), denyKiosk(kiosk)]);
    expect(await kiosk.availableMinor()).toBe(batch.acknowledgement === null ? 0n : 700n);
    expect((await kiosk.handIn()).problem).toMatchObject({ code: 'kiosk_denied' });
  });

  test('of another merchant is not found', async () => {
    const stranger = await server.register('merchant');
    const path = `/v1/merchant/kiosks/${kiosk.kioskId}/deny`;
    expect((await server.call(path, { method: 'POST', token: stranger.token })).code).toBe('kiosk_not_found');
    await report(kiosk);
  });
});
