import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { fromBase64Url, toBase64Url, verifyKioskCertificate, verifyTrustBundle } from '@tikiwallet/protocol';
import { KioskList, KioskTrust, KioskView, TrustView } from '../../contract/index.ts';
import { SimulatedKiosk } from '../../test/simulated-kiosk.ts';
import { type Person, startTestServer, type TestServer } from '../../test/test-server.ts';
import { must } from '../trust/index.ts';
import { certifiedName, denyKiosk } from './index.ts';

const DAY_MS = 86_400_000;

let server: TestServer;
let merchant: Person;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());
beforeEach(async () => {
  merchant = await server.register('merchant');
});

const create = (key: string = randomUUID(), name = 'Till 1') =>
  server.expect(KioskView, '/v1/merchant/kiosks', { body: { name }, token: merchant.token, key });
const list = async () =>
  (await server.expect(KioskList, '/v1/merchant/kiosks', { token: merchant.token })).items;
const enrol = async (kiosk: SimulatedKiosk, code: string, changes: Record<string, unknown> = {}) =>
  (await server.call('/v1/kiosks/enrol', { body: { ...kiosk.enrolBody(code), ...changes } })).code;

describe('creating', () => {
  test('shows a code of eight characters that nobody misreads, again and again while it is valid', async () => {
    const view = await create();
    expect(view).toMatchObject({ status: 'awaiting_enrolment', settledSequence: 0, lastContactAt: null });
    expect(view.enrolment?.code).toMatch(/^[A-HJ-NP-Z2-9]{4}-[A-HJ-NP-Z2-9]{4}$/);
    expect(await list()).toEqual([view]);
    server.clock.advance(31 * 60_000);
    merchant = { ...merchant, token: await signInAgain(merchant) };
    expect((await list())[0]?.enrolment).toBeNull();
  });

  test('twice with one key is one kiosk (R48)', async () => {
    const key = randomUUID();
    const first = await create(key);
    expect(await create(key)).toEqual(first);
    await server.database.owner`delete from idempotency_keys where key = ${key}`;
    expect(await create(key)).toEqual(first);
    expect(await list()).toHaveLength(1);
  });

  test('is for merchants, and kiosks of others are not found (R52)', async () => {
    const { id } = await create();
    const stranger = await server.register('merchant');
    const customer = await server.register('customer');
    const path = `/v1/merchant/kiosks/${id}/code`;
    expect((await server.call(path, { method: 'POST', token: stranger.token })).code).toBe('kiosk_not_found');
    for (const [method, url] of [
      ['POST', path],
      ['GET', '/v1/merchant/kiosks'],
      ['GET', '/v1/merchant/sales'],
      ['GET', '/v1/merchant/summary'],
    ] as const) {
      expect((await server.call(url, { method, token: customer.token })).code).toBe('not_permitted');
      expect((await server.call(url, { method })).code).toBe('not_authenticated');
    }
    const body = { name: 'Mine', merchantId: stranger.session.user.merchant?.id };
    const made = await server.expect(KioskView, '/v1/merchant/kiosks', {
      body,
      token: merchant.token,
      key: randomUUID(),
    });
    expect((await list()).map((kiosk) => kiosk.id)).toContain(made.id);
  });
});

describe('enrolling', () => {
  test('gives certificate, trust and a token that is stored as a hash only', async () => {
    const kiosk = await SimulatedKiosk.open(server, merchant);
    expect(kiosk.certificate).toMatchObject({
      kioskId: kiosk.kioskId,
      merchantName: 'Warung Sari',
      merchantPhone: merchant.phone,
      currency: 'SGD',
    });
    expect(kiosk.certificate.notAfter - kiosk.certificate.notBefore).toBe(90 * 24 * 3600);
    expect(await list()).toMatchObject([{ status: 'active', enrolment: null }]);
    const dump = await server.database.owner`select encode(token_hash, 'hex') as hash from kiosk_tokens`;
    expect(JSON.stringify(dump)).not.toContain(Buffer.from(kiosk.token, 'base64url').toString('hex'));
  });

  test('again with the same code and keys answers the same enrolment, and both tokens work', async () => {
    const code = (await create()).enrolment?.code ?? '';
    const kiosk = new SimulatedKiosk(server, merchant);
    const first = await kiosk.enrol(code);
    const again = await kiosk.enrol(code.toLowerCase().replace('-', ''));
    expect(again).toMatchObject({ kioskId: first.kioskId, certificate: first.certificate });
    for (const { kioskToken } of [first, again]) {
      const headers = { authorization: `Kiosk ${kioskToken}` };
      expect((await server.call('/v1/kiosk/trust-bundle', { headers })).status).toBe(200);
    }
  });

  test('with a used code and other keys, a wrong code or an old one is refused', async () => {
    const code = (await create()).enrolment?.code ?? '';
    await new SimulatedKiosk(server, merchant).enrol(code);
    const other = new SimulatedKiosk(server, merchant);
    expect(await enrol(other, code)).toBe('enrolment_code_incorrect');
    expect(await enrol(other, 'AAAA-AAAA')).toBe('enrolment_code_incorrect');
    expect(await enrol(other, 'OOOO-1111')).toBe('enrolment_code_incorrect');
    const late = (await create()).enrolment?.code ?? '';
    server.clock.advance(31 * 60_000);
    expect(await enrol(other, late)).toBe('enrolment_code_expired');
  });

  test('without proof of the signing key, or with it for another code, is refused', async () => {
    const code = (await create()).enrolment?.code ?? '';
    const [kiosk, other] = [new SimulatedKiosk(server, merchant), new SimulatedKiosk(server, merchant)];
    expect(await enrol(kiosk, code, { proof: other.enrolBody(code).proof })).toBe('device_key_invalid');
    expect(await enrol(kiosk, code, { proof: kiosk.enrolBody('AAAA-AAAA').proof })).toBe(
      'device_key_invalid',
    );
    expect(await enrol(kiosk, code, { sealingPublicKey: toBase64Url(new Uint8Array(33)) })).toBe(
      'device_key_invalid',
    );
    expect(await enrol(kiosk, code)).toBeNull();
  });

  test('a second machine with a new code replaces the first', async () => {
    const first = await SimulatedKiosk.open(server, merchant);
    const path = `/v1/merchant/kiosks/${first.kioskId}/code`;
    const view = await server.expect(KioskView, path, { method: 'POST', token: merchant.token });
    expect(view).toMatchObject({ status: 'active' });
    // Until the code is used, the first one works.
    await first.syncTrust();
    const second = new SimulatedKiosk(server, merchant);
    await second.enrol(view.enrolment?.code ?? '');
    expect(second.kioskId).toBe(first.kioskId);
    const headers = { authorization: `Kiosk ${first.token}` };
    expect((await server.call('/v1/kiosk/trust-bundle', { headers })).code).toBe('not_authenticated');
  });

  test('the same machine with a new code keeps its journal', async () => {
    const kiosk = await SimulatedKiosk.open(server, merchant);
    kiosk.append('start');
    await kiosk.settle();
    const path = `/v1/merchant/kiosks/${kiosk.kioskId}/code`;
    const view = await server.expect(KioskView, path, { method: 'POST', token: merchant.token });
    await kiosk.enrol(view.enrolment?.code ?? '');
    kiosk.append('stop');
    await kiosk.settle(kiosk.batch({ from: 2, to: 2 }));
    expect(await list()).toMatchObject([{ settledSequence: 2 }]);
  });

  test('guesses are counted against the address', async () => {
    const strict = await startTestServer({ rateLimitFactor: 0.05 });
    try {
      const kiosk = new SimulatedKiosk(strict, merchant);
      const codes: (string | null)[] = [];
      for (let i = 0; i < 5; i += 1) {
        codes.push((await strict.call('/v1/kiosks/enrol', { body: kiosk.enrolBody('AAAA-AAAA') })).code);
      }
      expect(codes.at(0)).toBe('enrolment_code_incorrect');
      expect(codes.at(-1)).toBe('rate_limited');
    } finally {
      await strict.close();
    }
  });
});

describe('trust for a kiosk', () => {
  test('is the bundle that phones get, and notes the contact', async () => {
    const kiosk = await SimulatedKiosk.open(server, merchant);
    const headers = { authorization: `Kiosk ${kiosk.token}` };
    const mine = await server.expect(KioskTrust, '/v1/kiosk/trust-bundle', { headers });
    const open = await server.expect(TrustView, '/v1/trust');
    expect(open.trustBundle).toBe(mine.trustBundle);
    must(verifyTrustBundle(fromBase64Url(open.trustBundle ?? ''), fromBase64Url(open.rootPublicKey)));
    expect(mine.walletOrigins).toEqual([server.origin]);
    expect((await list())[0]?.lastContactAt).not.toBeNull();
  });

  test('renews the certificate when less than a third of its life is left, and not before', async () => {
    const kiosk = await SimulatedKiosk.open(server, merchant);
    const first = kiosk.certificate;
    server.clock.advance(59 * DAY_MS);
    await kiosk.syncTrust();
    expect(kiosk.certificate.hash).toEqual(first.hash);
    server.clock.advance(2 * DAY_MS);
    await kiosk.syncTrust();
    expect(kiosk.certificate.notAfter).toBeGreaterThan(first.notAfter);
    expect(kiosk.certificate.signingPublicKey).toEqual(first.signingPublicKey);
  });

  test('an older certificate with a longer life, of an issuer that left the bundle, does not come back', async () => {
    const kiosk = await SimulatedKiosk.open(server, merchant);
    const standing = kiosk.certificate;
    const ofAnother = new Uint8Array(standing.bytes);
    // Its issuer's key id: four bytes after the head of the header.
    ofAnother.set([1, 2, 3, 4], 8);
    await server.database.owner`
      insert into kiosk_certificates (hash, enrolment_id, certificate, not_before, not_after)
      select ${Buffer.from(randomUUID())}, enrolment_id, ${Buffer.from(ofAnother)},
        not_before - interval '1 day', not_after + interval '300 days'
      from kiosk_certificates where hash = ${Buffer.from(standing.hash)}`;
    for (const seconds of [5, 5]) {
      server.clock.advance(seconds * 1_000);
      await kiosk.syncTrust();
      expect(kiosk.certificate.hash).toEqual(standing.hash);
    }
  });

  test('of a denied kiosk is not renewed: it gets the signed word that it is denied, and nothing else (R31)', async () => {
    merchant = await server.register('merchant');
    const kiosk = await SimulatedKiosk.open(server, merchant);
    const { dbOf, clock, offline } = server.context;
    const merchantId = merchant.session.user.merchant?.id ?? '';
    const userId = merchant.session.user.id;
    const db = dbOf({ userId, merchantId });
    await denyKiosk({ db, clock, policy: offline.policy }, { merchantId, userId }, kiosk.kioskId);
    const headers = { authorization: `Kiosk ${kiosk.token}` };
    const path = `/v1/merchant/kiosks/${kiosk.kioskId}/code`;
    expect((await server.call(path, { method: 'POST', token: merchant.token })).code).toBe('kiosk_denied');
    const before = kiosk.certificate.hash;
    server.clock.advance(80 * DAY_MS);
    const told = await server.expect(KioskTrust, '/v1/kiosk/trust-bundle', { headers });
    const { rootPublicKey } = await server.expect(TrustView, '/v1/trust');
    const own = must(verifyTrustBundle(fromBase64Url(told.trustBundle ?? ''), fromBase64Url(rootPublicKey)));
    expect(own.deniedKiosks.has(kiosk.kioskId)).toBe(true);
    const certificate = must(verifyKioskCertificate(fromBase64Url(told.certificate), own.issuers));
    expect(certificate.hash).toEqual(before);
    expect((await kiosk.handIn(kiosk.heartbeat())).problem).toMatchObject({ code: 'kiosk_denied' });
    const open = await server.expect(TrustView, '/v1/trust');
    const bundle = must(
      verifyTrustBundle(fromBase64Url(open.trustBundle ?? ''), fromBase64Url(open.rootPublicKey)),
    );
    expect(bundle.deniedKiosks.has(kiosk.kioskId)).toBe(true);
  });

  test('a blocked till is on the list until its certificates have ended, and one that never had any is not', async () => {
    merchant = await server.register('merchant');
    const certified = await SimulatedKiosk.open(server, merchant);
    const unused = (await create()).id;
    for (const id of [certified.kioskId, unused]) {
      const path = `/v1/merchant/kiosks/${id}/deny`;
      expect(await server.expect(KioskView, path, { method: 'POST', token: merchant.token })).toMatchObject({
        status: 'denied',
      });
    }
    const listed = async () => {
      const { trustBundle, rootPublicKey } = await server.expect(TrustView, '/v1/trust');
      const bundle = must(verifyTrustBundle(fromBase64Url(trustBundle ?? ''), fromBase64Url(rootPublicKey)));
      return [certified.kioskId, unused].map((id) => bundle.deniedKiosks.has(id));
    };
    expect(await listed()).toEqual([true, false]);
    const { notAfter } = certified.certificate;
    server.clock.advance(notAfter * 1000 + DAY_MS - server.clock.nowMs());
    expect(await listed()).toEqual([true, false]);
    server.clock.advance(2 * DAY_MS);
    expect(await listed()).toEqual([false, false]);
  });
});

describe('the name on a certificate (R29)', () => {
  test.each([
    ['Warung Sari', 'Warung Sari'],
    ['  Caf\u0065\u0301   Anh  ', 'Caf\u00e9 Anh'],
    ['Shop\u202Egnp.exe\u200B', 'Shop gnp.exe'],
    ['line\nbreak', 'line break'],
    ['\u{1F35C}'.repeat(32), '\u{1F35C}'.repeat(24)],
  ])('%j is certified as %j', (name, certified) => {
    expect(certifiedName(name)).toBe(certified);
  });
});

async function signInAgain(person: Person): Promise<string> {
  const body = { phone: person.phone, password: person.password };
  return String(Object((await server.call('/v1/auth/login', { body })).body).accessToken);
}
