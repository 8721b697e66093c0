/** A till that its merchant suspends for a while: what stops, what goes on, and who it was. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fromBase64Url, verifyCloudSealingKey } from '@tikiwallet/protocol';
import { KioskTrust, KioskView, MerchantLimitsView, Problem } from '../../contract/index.ts';
import { SimulatedKiosk } from '../../test/simulated-kiosk.ts';
import { SimulatedPhone } from '../../test/simulated-phone.ts';
import { type Person, startTestServer, type TestServer } from '../../test/test-server.ts';
import { must } from '../trust/index.ts';

let server: TestServer;
let merchant: Person;
let kiosk: SimulatedKiosk;
beforeAll(async () => {
  server = await startTestServer();
  merchant = await server.register('merchant', { agent: true });
  kiosk = await SimulatedKiosk.open(server, merchant);
});
afterAll(() => server.close());

const act = (name: 'suspend' | 'resume' | 'deny' | 'code', id = kiosk.kioskId) =>
  server.call(`/v1/merchant/kiosks/${id}/${name}`, { method: 'POST', token: merchant.token });
const trust = () =>
  server.call('/v1/kiosk/trust-bundle', { headers: { authorization: `Kiosk ${kiosk.token}` } });

test('a suspended till gets nothing to sell with, and everything that it took settles; lifting brings it back', async () => {
  const phone = await SimulatedPhone.withMoney(server, 6_000n);
  const wallet = await phone.load(3_000n);
  kiosk.sell(wallet, 700n);
  const view = KioskView.parse((await act('suspend')).body);
  expect(view).toMatchObject({ status: 'active', suspendedAt: expect.any(String) });
  // The first moment stays.
  server.clock.advance(1_000);
  expect(KioskView.parse((await act('suspend')).body).suspendedAt).toBe(view.suspendedAt);

  const suspended = await trust();
  expect(suspended).toMatchObject({ status: 403, code: 'kiosk_suspended' });
  // What it took settles also when its sealing key was taken back meanwhile.
  const { sealingKey } = Problem.parse(suspended.body);
  must(verifyCloudSealingKey(fromBase64Url(sealingKey ?? ''), kiosk.trust.issuers));
  expect((await act('code')).code).toBe('kiosk_suspended');
  // Without internet it knew nothing of it and sold on.
  kiosk.sell(wallet, 300n);
  expect(await kiosk.settle()).toEqual(['settled', 'settled']);
  expect(await kiosk.availableMinor()).toBe(1_000n);
  const lock = { merchantId: merchant.session.user.merchant?.id ?? '', kioskId: kiosk.kioskId };
  await expect(phone.load(500n, lock)).rejects.toThrow('kiosk_suspended');

  expect(KioskView.parse((await act('resume')).body).suspendedAt).toBeNull();
  expect(KioskTrust.parse((await trust()).body).trustBundle).not.toBeNull();
  expect(await phone.load(500n, lock)).toBeDefined();
});

test('no machine becomes a till that is suspended', async () => {
  const planned = await server.expect(KioskView, '/v1/merchant/kiosks', {
    body: { name: 'Terrace' },
    token: merchant.token,
    key: randomUUID(),
  });
  await act('suspend', planned.id);
  const machine = new SimulatedKiosk(server, merchant);
  await expect(machine.enrol(planned.enrolment?.code ?? '')).rejects.toThrow('kiosk_suspended');
  await act('resume', planned.id);
  expect(await machine.enrol(planned.enrolment?.code ?? '')).toMatchObject({ kioskId: planned.id });
});

test('who did it, and when, is written down once for each change, and by nobody changed', async () => {
  const { id } = await server.expect(KioskView, '/v1/merchant/kiosks', {
    body: { name: 'Stall' },
    token: merchant.token,
    key: randomUUID(),
  });
  for (const name of ['suspend', 'suspend', 'resume', 'resume', 'suspend', 'deny', 'deny'] as const)
    await act(name, id);
  expect((await act('suspend', id)).code).toBe('kiosk_denied');
  expect((await act('resume', id)).code).toBe('kiosk_denied');
  const rows = await server.database.owner`
    select kind, by_user_id as by from kiosk_events where kiosk_id = ${id} order by id`;
  const by = merchant.session.user.id;
  expect([...rows]).toEqual(['suspended', 'resumed', 'suspended', 'denied'].map((kind) => ({ kind, by })));
  await expect(server.context.db.execute(`update kiosk_events set kind = 'resumed'`)).rejects.toThrow();
  await expect(server.database.owner`delete from kiosk_events`).rejects.toThrow('append-only');
});

test('the limits come with those of the service, which they cannot lift', async () => {
  const { service } = await server.expect(MerchantLimitsView, '/v1/merchant/limits', {
    token: merchant.token,
  });
  const { kiosk: policy } = server.context.offline.policy;
  expect(service).toMatchObject({
    perPaymentMinor: policy.perPaymentMinor.toString(),
    maxOfflineSeconds: String(policy.maxOfflineSeconds),
  });
  expect(service).not.toHaveProperty('splitWindowSeconds');
});
