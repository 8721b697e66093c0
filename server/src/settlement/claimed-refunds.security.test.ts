/** R48: a refund by claim from a machine whose keys may be stolen moves nothing that the shop had without the claim. */
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Payment } from '@tikiwallet/protocol';
import { type ClaimBody, ClaimView, KioskView } from '../../contract/index.ts';
import { SimulatedKiosk } from '../../test/simulated-kiosk.ts';
import { type OfflineWallet, pay, SimulatedPhone } from '../../test/simulated-phone.ts';
import { claimOfRefund, offerRefund } from '../../test/simulated-refunds.ts';
import { startTestServer, type TestServer } from '../../test/test-server.ts';
import { reconcile } from '../ledger/index.ts';

let server: TestServer;
let kiosk: SimulatedKiosk;
let friend: SimulatedPhone;
let wallet: OfflineWallet;
let sale: { readonly payment: Payment; readonly body: ClaimBody };
beforeEach(async () => {
  server = await startTestServer();
  kiosk = await SimulatedKiosk.open(server, await server.register('merchant'));
  friend = await SimulatedPhone.withMoney(server, 5_000n);
  wallet = await friend.load(5_000n);
  const request = kiosk.request(4_000n);
  const payment = pay(wallet, request);
  kiosk.write(request, wallet, payment);
  sale = { payment, body: kiosk.claimFor(wallet, { request, payment }) };
});
afterEach(async () => {
  expect(await reconcile(server.context.db)).toMatchObject({ sound: true });
  await server.close();
});

const claim = (body: ClaimBody) =>
  server.expect(ClaimView, '/v1/claims', { body, token: friend.person.token });
/** What a thief signs with the kiosk's keys for his friend, who really had paid there. */
const giveBackAll = async () => {
  const refund = claimOfRefund(kiosk, wallet, offerRefund(kiosk, sale.payment, 4_000n));
  return (await claim({ ...sale.body, refund })).refund;
};
const deny = () =>
  server.expect(KioskView, `/v1/merchant/kiosks/${kiosk.kioskId}/deny`, {
    method: 'POST',
    token: kiosk.merchant.token,
  });
async function replace(): Promise<void> {
  const renewed = await server.expect(KioskView, `/v1/merchant/kiosks/${kiosk.kioskId}/code`, {
    body: {},
    token: kiosk.merchant.token,
    key: randomUUID(),
  });
  await new SimulatedKiosk(server, kiosk.merchant).enrol(renewed.enrolment?.code ?? '');
}
/** The machine signs a second story about its first sale. */
async function quarantine(): Promise<void> {
  kiosk.journal.length = 0;
  kiosk.append('start');
  expect((await kiosk.handIn(kiosk.batch({ from: 1, to: 1 }))).problem).toMatchObject({
    code: 'batch_chain_broken',
  });
}

const ENDS = [
  ['denied', deny],
  ['replaced', replace],
  ['quarantined', quarantine],
] as const;

for (const [how, end] of ENDS) {
  test(`one that was ${how} gives nothing back of a sale that it had handed in and a friend had claimed`, async () => {
    await claim(sale.body);
    expect(await kiosk.settle()).toEqual(['settled']);
    await end();
    expect(await giveBackAll()).toEqual({ state: 'refused', code: 'kiosk_denied' });
    expect(await kiosk.availableMinor()).toBe(4_000n);
  });

  test(`one that was ${how} gives nothing back of a sale that only its batch brought`, async () => {
    expect(await kiosk.settle()).toEqual(['settled']);
    await end();
    expect(await giveBackAll()).toEqual({ state: 'refused', code: 'kiosk_denied' });
    expect(await kiosk.availableMinor()).toBe(4_000n);
  });
}

test('one that was replaced with its sale still inside gives back what the claim brings', async () => {
  await replace();
  expect(await giveBackAll()).toEqual({ state: 'settled', code: null });
  expect(await kiosk.availableMinor()).toBe(0n);
});
