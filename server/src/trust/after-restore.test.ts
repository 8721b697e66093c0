/**
 * A database that came back from an earlier moment: tills know newer trust than it does. Without a step ahead they refuse whatever it
 * signs, and are believed to know of denials that they were never told of.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  checkCloudSealingKey,
  type CloudSealingKey,
  fromBase64Url,
  sealSettlement,
  verifyCloudSealingKey,
} from '@tikiwallet/protocol';
import { CBOR_MEDIA_TYPE, KioskTrust } from '../../contract/index.ts';
import { SimulatedKiosk } from '../../test/simulated-kiosk.ts';
import { type OfflineWallet, SimulatedPhone } from '../../test/simulated-phone.ts';
import { startTestServer, type TestServer } from '../../test/test-server.ts';
import { inTransaction } from '../db/retry.ts';
import { COMMANDS } from '../operator/commands.ts';
import { deny, rotateSealingKey, SealingKeys } from './index.ts';
import { must } from './protocol-run.ts';

let server: TestServer;
let kiosk: SimulatedKiosk;
let wallet: OfflineWallet;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());
beforeEach(async () => {
  server.clock.advance(31_000);
  kiosk = await SimulatedKiosk.open(server, await server.register('merchant'));
  wallet = await (await SimulatedPhone.withMoney(server, 6_000n)).load(3_000n);
});

const parts = () => ({
  db: server.context.db,
  clock: server.clock,
  secret: server.context.config.keysSecret,
});

const denyOne = () =>
  inTransaction(server.context.db, (tx) =>
    deny(tx, [{ kind: 'allowance', subjectId: randomUUID(), reason: 'lost', notAfter: null }]),
  );

async function takeKey(known: CloudSealingKey | null): Promise<CloudSealingKey> {
  const headers = { authorization: `Kiosk ${kiosk.token}` };
  const { sealingKey } = await server.expect(KioskTrust, '/v1/kiosk/trust-bundle', { headers });
  const key = must(verifyCloudSealingKey(fromBase64Url(sealingKey ?? ''), kiosk.trust.issuers));
  checkCloudSealingKey(key, {
    trust: kiosk.trust,
    nowSeconds: kiosk.nowSeconds,
    known: known && { ...known, signerGeneration: known.signer.generation },
  });
  return key;
}

/** Notes the trust of now; what it returns brings it back, as a copy of the database would. */
async function moment(): Promise<() => Promise<void>> {
  const { owner } = server.database;
  await owner`create table kept_state as select * from trust_state`;
  await owner`create table kept_keys as select * from server_keys`;
  await owner`create table kept_denials as select * from denied_subjects`;
  return async () => {
    await owner.begin(async (tx) => {
      await tx`delete from trust_state`;
      await tx`insert into trust_state select * from kept_state`;
      await tx`delete from server_keys`;
      await tx`insert into server_keys select * from kept_keys`;
      await tx`delete from denied_subjects`;
      await tx`insert into denied_subjects select * from kept_denials`;
      await tx`drop table kept_state, kept_keys, kept_denials`;
    });
  };
}

test('after one command a till takes the trust and the key of a database that came back, and settles', async () => {
  await kiosk.syncTrust();
  await takeKey(null);
  const comeBack = await moment();
  for (let n = 0; n < 3; n += 1) await denyOne();
  await rotateSealingKey(parts(), { leaked: true });
  server.clock.advance(31_000);
  await kiosk.syncTrust();
  const forgotten = await takeKey(null);
  const known = kiosk.trust;
  await comeBack();
  server.clock.advance(61_000);

  await COMMANDS['after-restore']?.run(server.context.db, []);
  await kiosk.syncTrust();
  expect(kiosk.trust.version).toBeGreaterThan(known.version);
  expect(kiosk.trust.denyListVersion).toBeGreaterThan(known.denyListVersion);
  const key = await takeKey(forgotten);
  kiosk.sell(wallet, 700n);
  const response = await fetch(`${server.origin}/v1/kiosk/settlements`, {
    method: 'POST',
    headers: { 'content-type': CBOR_MEDIA_TYPE, authorization: `Kiosk ${kiosk.token}` },
    body: new Uint8Array(await sealSettlement(kiosk.batch(), key)),
  });
  expect(response.status).toBe(200);
  expect(await kiosk.availableMinor()).toBe(700n);
});

test('a till is not believed to know a denial because it knew a version of the time that was forgotten', async () => {
  const comeBack = await moment();
  for (let n = 0; n < 3; n += 1) await denyOne();
  await kiosk.syncTrust();
  await comeBack();
  await COMMANDS['after-restore']?.run(server.context.db, []);
  expect(await denyOne()).toBeGreaterThan(kiosk.trust.denyListVersion);
});

test('a clock that ran ahead: once it is right, a till takes the key again, and the word that sealing has ended', async () => {
  const YEAR_MS = 300 * 24 * 3600 * 1000;
  server.clock.advance(YEAR_MS);
  await kiosk.syncTrust();
  const wrong = await takeKey(null);
  server.clock.advance(-YEAR_MS);
  await COMMANDS['correct-time']?.run(server.context.db, []);
  await kiosk.syncTrust();
  const right = await takeKey(wrong);
  expect(right.notAfter).toBeLessThan(wrong.notAfter);
  const off = new SealingKeys({ ...parts(), trust: server.context.offline.trust, isOffered: false });
  const end = await off.offered(await server.context.offline.trust.bundle());
  expect(must(verifyCloudSealingKey(end ?? new Uint8Array(0), kiosk.trust.issuers)).generation).toBe(
    right.generation,
  );
});

test('a cloud that offers none any more still ends a key that it took back', async () => {
  const known = await takeKey(null);
  await COMMANDS['after-restore']?.run(server.context.db, []);
  const off = new SealingKeys({ ...parts(), trust: server.context.offline.trust, isOffered: false });
  const end = await off.offered(await server.context.offline.trust.bundle());
  const read = must(verifyCloudSealingKey(end ?? new Uint8Array(0), kiosk.trust.issuers));
  expect(read.generation).toBeGreaterThan(known.generation);
  expect(read.notAfter).toBe(read.issuedAt + 1);
});
