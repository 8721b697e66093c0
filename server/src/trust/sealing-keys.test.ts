/** Batches sealed to the cloud: settled as if they had come unsealed, by the key in force and the one before, and by no other. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import fc from 'fast-check';
import {
  checkCloudSealingKey,
  type CloudSealingKey,
  encodeSealedSettlement,
  encodeStreamFrame,
  fromBase64Url,
  sealSettlement,
  toHex,
  verifyCloudSealingKey,
} from '@tikiwallet/protocol';
import {
  CBOR_MEDIA_TYPE,
  type EnrolResult,
  KioskTrust,
  KioskView,
  OperatorOverview,
} from '../../contract/index.ts';
import { SimulatedKiosk } from '../../test/simulated-kiosk.ts';
import { type OfflineWallet, SimulatedPhone } from '../../test/simulated-phone.ts';
import { StreamClient } from '../../test/stream-client.ts';
import { startTestServer, type TestServer } from '../../test/test-server.ts';
import { serverKeys } from '../db/server-keys.ts';
import { reconcile } from '../ledger/index.ts';
import { COMMANDS } from '../operator/commands.ts';
import { must } from './protocol-run.ts';
import { rotateSealingKey, SealingKeys } from './sealing-keys.ts';

const DAY_MS = 24 * 3600 * 1000;
let server: TestServer;
let kiosk: SimulatedKiosk;
let wallet: OfflineWallet;
beforeAll(async () => {
  server = await startTestServer({ env: { TIKI_KEYS_SECRET: 'a secret of this installation' } });
});
afterAll(() => server.close());
beforeEach(async () => {
  kiosk = await SimulatedKiosk.open(server, await server.register('merchant'));
  const phone = await SimulatedPhone.withMoney(server, 6_000n);
  wallet = await phone.load(3_000n);
});
afterEach(async () => {
  expect(await reconcile(server.context.db)).toMatchObject({ sound: true });
});

const parts = () => {
  const { db, clock, config } = server.context;
  return { db, clock, secret: config.keysSecret };
};
const asKiosk = () => ({ headers: { authorization: `Kiosk ${kiosk.token}` } });

async function offered(): Promise<string | null> {
  return (await server.expect(KioskTrust, '/v1/kiosk/trust-bundle', asKiosk())).sealingKey ?? null;
}

/** As a kiosk takes it. */
async function takeKey(known: CloudSealingKey | null = null): Promise<CloudSealingKey> {
  await kiosk.syncTrust();
  const key = must(verifyCloudSealingKey(fromBase64Url((await offered()) ?? ''), kiosk.trust.issuers));
  checkCloudSealingKey(key, {
    trust: kiosk.trust,
    nowSeconds: kiosk.nowSeconds,
    known: known && { ...known, signerGeneration: known.signer.generation },
  });
  return key;
}

/** Another process of this installation, which knows of no rotation until it looks. */
function anotherProcess() {
  return new SealingKeys({ ...parts(), trust: server.context.offline.trust, isOffered: true });
}

async function post(body: Uint8Array, token = kiosk.token) {
  const response = await fetch(`${server.origin}/v1/kiosk/settlements`, {
    method: 'POST',
    headers: { 'content-type': CBOR_MEDIA_TYPE, authorization: `Kiosk ${token}` },
    body: new Uint8Array(body),
  });
  const bytes = new Uint8Array(await response.arrayBuffer());
  const problem: unknown = response.ok ? null : JSON.parse(Buffer.from(bytes).toString());
  return { status: response.status, bytes, problem };
}

test('a sealed batch settles; sealed again, or unsealed, it is answered with the same bytes and settles nothing more', async () => {
  const key = await takeKey();
  kiosk.sell(wallet, 700n);
  kiosk.sell(wallet, 300n);
  const envelope = kiosk.batch();
  const first = await post(await sealSettlement(envelope, key));
  expect(first.status).toBe(200);
  expect(await kiosk.availableMinor()).toBe(1_000n);
  const again = await post(await sealSettlement(envelope, key));
  const unsealed = await kiosk.handIn(envelope);
  expect(toHex(again.bytes)).toBe(toHex(first.bytes));
  expect(toHex(unsealed.bytes)).toBe(toHex(first.bytes));
  expect(unsealed.acknowledgement?.results.map(({ outcome }) => outcome)).toEqual(['settled', 'settled']);
  expect(await kiosk.availableMinor()).toBe(1_000n);
});

test('enrolling brings the key, and a till that does not know it settles as ever', async () => {
  const { token } = kiosk.merchant;
  const body = { name: 'Till 2' };
  const view = await server.expect(KioskView, '/v1/merchant/kiosks', {
    body,
    token,
    key: crypto.randomUUID(),
  });
  const other = new SimulatedKiosk(server, kiosk.merchant);
  const enrolled: EnrolResult = await other.enrol(view.enrolment?.code ?? '');
  const key = must(verifyCloudSealingKey(fromBase64Url(enrolled.sealingKey ?? ''), other.trust.issuers));
  expect(key.notAfter).toBeGreaterThan(other.nowSeconds + 13 * 24 * 3600);
  kiosk.sell(wallet, 500n);
  expect(await kiosk.settle()).toEqual(['settled']);
});

test('a stream may hold both forms, each acknowledged in its place', async () => {
  const key = await takeKey();
  const envelopes = [1, 2, 3].map((at) => {
    kiosk.sell(wallet, 100n);
    return kiosk.batch({ from: at, to: at });
  });
  const stream = new StreamClient({ origin: server.origin, token: kiosk.token });
  for (const [at, envelope] of envelopes.entries())
    await stream.send(at === 1 ? envelope : await sealSettlement(envelope, key));
  // One that was cut is refused, and takes nothing back.
  const cut = (await sealSettlement(kiosk.batch(), key)).subarray(0, 200);
  await stream.sendRaw(encodeStreamFrame(cut));
  stream.request.end();
  for (const envelope of envelopes) {
    const alone = await post(envelope);
    expect(await stream.next()).toEqual(alone.bytes);
  }
  expect(await stream.next()).toMatchObject({ code: 'batch_malformed' });
  expect(await kiosk.availableMinor()).toBe(300n);
});

test('whatever byte is changed on the way, it is refused with a code and settles nothing', async () => {
  const key = await takeKey();
  kiosk.sell(wallet, 400n);
  const sealed = await sealSettlement(kiosk.batch(), key);
  const refused = ['batch_malformed', 'sealing_key_unknown', 'batch_signature_invalid'];
  await fc.assert(
    fc.asyncProperty(fc.nat(sealed.length - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
      const answer = await post(new Uint8Array(sealed.with(at, (sealed[at] ?? 0) ^ flip)));
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(answer.problem).toMatchObject({ code: expect.stringMatching(refused.join('|')) });
    }),
    { numRuns: 60 },
  );
  expect(await kiosk.availableMinor()).toBe(0n);
  expect((await post(sealed)).status).toBe(200);
  expect(await kiosk.availableMinor()).toBe(400n);
});

test("another till's batch is worth nothing, sealed or not, whoever carries it; nor is one that was sealed anew for this till", async () => {
  const key = await takeKey();
  kiosk.sell(wallet, 400n);
  const envelope = kiosk.batch();
  const thief = await SimulatedKiosk.open(server, await server.register('merchant'));
  expect((await post(await sealSettlement(envelope, key), thief.token)).problem).toMatchObject({
    code: 'not_permitted',
  });
  const { keyId } = key;
  const bent = { keyId, kioskCertificateHash: thief.certificate.hash, sealed: new Uint8Array(90) };
  expect((await post(encodeSealedSettlement(bent), thief.token)).problem).toMatchObject({
    code: 'batch_malformed',
    detail: 'sealed_message_unreadable',
  });
  expect(await kiosk.availableMinor()).toBe(0n);
  expect(await kiosk.settle(envelope)).toEqual(['settled']);
});

test('a rotation: what is on its way under the former key settles for fifteen days, in every process; then it is unknown', async () => {
  const former = await takeKey();
  const other = anotherProcess();
  await other.offered(await server.context.offline.trust.bundle());
  await rotateSealingKey(parts(), { leaked: false });
  kiosk.sell(wallet, 200n);
  const underFormer = await sealSettlement(kiosk.batch(), former);
  expect((await post(underFormer)).status).toBe(200);
  // This process notices within half a minute, and at once where it meets the new key.
  server.clock.advance(31_000);
  const next = await takeKey(former);
  expect(next.generation).toBeGreaterThan(former.generation);
  kiosk.sell(wallet, 300n);
  const envelope = kiosk.batch();
  expect(await other.open(await sealSettlement(envelope, next))).toEqual(envelope);
  expect((await post(await sealSettlement(envelope, next))).status).toBe(200);
  expect(await kiosk.availableMinor()).toBe(500n);
  expect(() =>
    checkCloudSealingKey(former, {
      trust: kiosk.trust,
      nowSeconds: kiosk.nowSeconds,
      known: { ...next, signerGeneration: next.signer.generation },
    }),
  ).toThrow('sealing_key_older_than_known');

  server.clock.advance(15 * DAY_MS);
  expect((await post(underFormer)).problem).toMatchObject({ status: 409, code: 'sealing_key_unknown' });
});

test('of a key that leaked nothing is opened any more, and the till seals to the new one', async () => {
  const leaked = await takeKey();
  await rotateSealingKey(parts(), { leaked: true });
  expect(await serverKeys(server.context.db, { ...keysOfPurpose(), retiredSince: new Date(0) })).toHaveLength(
    1,
  );
  server.clock.advance(31_000);
  kiosk.sell(wallet, 250n);
  const envelope = kiosk.batch();
  expect((await post(await sealSettlement(envelope, leaked))).problem).toMatchObject({
    code: 'sealing_key_unknown',
  });
  expect((await post(await sealSettlement(envelope, await takeKey(leaked)))).status).toBe(200);
  expect(await kiosk.availableMinor()).toBe(250n);
});

test('a till that comes again and again under a key that is not known is counted and shown, until it settles', async () => {
  const seen = async () => {
    // Anew each time: a session's token is over before the half hour is.
    const { token } = await server.operator();
    return (await server.expect(OperatorOverview, '/v1/operator/overview', { token })).kiosks.cannotSeal;
  };
  // Tills of the tests before were refused, too, and never came again.
  await server.database
    .owner`update kiosk_enrolments set sealing_unknown_since = null, sealing_refused_at = null`;
  const leaked = await takeKey();
  await rotateSealingKey(parts(), { leaked: true });
  server.clock.advance(31_000);
  kiosk.sell(wallet, 250n);
  const batch = await sealSettlement(kiosk.batch(), leaked);
  const refused = async () =>
    expect((await post(batch)).problem).toMatchObject({ code: 'sealing_key_unknown' });
  await refused();
  // As every till does after a rotation, and comes again in a moment.
  expect(await seen()).toBe(0);
  // Its line is gone for hours, it comes back for one try, and is gone again: nobody saw that it cannot.
  for (let outage = 0; outage < 2; outage += 1) {
    server.clock.advance(4 * 3_600_000);
    expect(await seen()).toBe(0);
    await refused();
    expect(await seen()).toBe(0);
  }
  for (let minutes = 0; minutes < 30; minutes += 10) {
    expect(await seen()).toBe(0);
    server.clock.advance(10 * 60_000);
    await refused();
  }
  expect(await seen()).toBe(1);
  // A longer silence makes it no better.
  server.clock.advance(4 * 3_600_000);
  await refused();
  expect(await seen()).toBe(1);
  const fresh = await takeKey(leaked);
  expect((await post(await sealSettlement(kiosk.batch(), fresh))).status).toBe(200);
  expect(await seen()).toBe(0);
});

test('the operator rotates from a terminal, and must say why', async () => {
  const { db, config } = server.context;
  const rotate = COMMANDS['rotate-sealing-key'];
  vi.stubEnv('TIKI_KEYS_SECRET', config.keysSecret);
  try {
    expect(await rotate?.run(db, ['planned'])).toContain('fifteen days');
    expect(await serverKeys(db, { ...keysOfPurpose(), retiredSince: new Date(0) })).toHaveLength(2);
    expect(await rotate?.run(db, ['leaked'])).toContain('seal anew');
    expect(await serverKeys(db, { ...keysOfPurpose(), retiredSince: new Date(0) })).toHaveLength(1);
    await expect(rotate?.run(db, ['yes'])).rejects.toMatchObject({ code: 'request_invalid' });
  } finally {
    vi.unstubAllEnvs();
  }
});

test('three rotations in an hour leave two keys', async () => {
  for (let n = 0; n < 3; n += 1) await rotateSealingKey(parts(), { leaked: false });
  expect(await serverKeys(server.context.db, { ...keysOfPurpose(), retiredSince: new Date(0) })).toHaveLength(
    2,
  );
});

test('a former key that opens nothing any more is deleted, and no other', async () => {
  const all = () => serverKeys(server.context.db, { ...keysOfPurpose(), retiredSince: new Date(0) });
  await rotateSealingKey(parts(), { leaked: false });
  await server.context.sealing.forgetFormer();
  expect(await all()).toHaveLength(2);
  server.clock.advance(16 * DAY_MS);
  await server.context.sealing.forgetFormer();
  expect((await all()).map(({ retiredAt }) => retiredAt)).toEqual([null]);
});

test('processes that start together have one key, offer the same words of it, and keep it encrypted', async () => {
  await server.database.owner`delete from server_keys where purpose = 'settlement_sealing'`;
  const bundle = await server.context.offline.trust.bundle();
  const said = await Promise.all(
    [anotherProcess(), anotherProcess(), anotherProcess()].map((one) => one.offered(bundle)),
  );
  const keys = said.map((bytes) =>
    must(verifyCloudSealingKey(bytes ?? new Uint8Array(0), kiosk.trust.issuers)),
  );
  expect(new Set(keys.map(({ keyId, issuedAt }) => `${toHex(keyId)} ${issuedAt}`)).size).toBe(1);
  const rows = await server.database.owner<{ material: Record<string, string> }[]>`
    select material from server_keys where purpose = 'settlement_sealing'`;
  expect(rows.map(({ material }) => Object.keys(material))).toEqual([['sealed']]);
  server.clock.advance(31_000);
});

test('a former key of a former TIKI_KEYS_SECRET is left out, and stops nothing', async () => {
  const { db, clock } = server.context;
  await server.database.owner`delete from server_keys where purpose = 'settlement_sealing'`;
  await rotateSealingKey({ db, clock, secret: 'what it was before that' }, { leaked: false });
  await server.database.owner`update server_keys set retired_at = now() where purpose = 'settlement_sealing'`;
  const bundle = await server.context.offline.trust.bundle();
  expect(await anotherProcess().offered(bundle)).not.toBeNull();
  server.clock.advance(31_000);
});

test('switched off, a key that was offered ends by a signed word, and what is sealed to it is opened all the same', async () => {
  const key = await takeKey();
  const off = new SealingKeys({ ...parts(), trust: server.context.offline.trust, isOffered: false });
  const bundle = await server.context.offline.trust.bundle();
  const end = must(
    verifyCloudSealingKey((await off.offered(bundle)) ?? new Uint8Array(0), kiosk.trust.issuers),
  );
  expect(end).toMatchObject({ generation: key.generation, notAfter: end.issuedAt + 1 });
  const known = { ...key, signerGeneration: key.signer.generation };
  checkCloudSealingKey(end, { trust: kiosk.trust, nowSeconds: kiosk.nowSeconds, known });
  kiosk.sell(wallet, 100n);
  const envelope = kiosk.batch();
  expect(await off.open(await sealSettlement(envelope, key))).toEqual(envelope);
  await server.database.owner`delete from server_keys where purpose = 'settlement_sealing'`;
  const never = new SealingKeys({ ...parts(), trust: server.context.offline.trust, isOffered: false });
  expect(await never.offered(bundle)).toBeNull();
  await expect(never.open(await sealSettlement(envelope, key))).rejects.toMatchObject({
    code: 'sealing_key_unknown',
  });
  server.clock.advance(31_000);
});

const keysOfPurpose = () => ({ purpose: 'settlement_sealing', secret: server.context.config.keysSecret });
