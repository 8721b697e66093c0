/** R31: what a kiosk on a thin line fetches, what it arrives at, and what an operator can take back. */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { checkNotOlder, type TrustBundle, verifyTrustBundle, verifyTrustUpdate } from '@tikiwallet/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type FreshDatabase, freshDatabase } from '../../test/fresh-database.ts';
import { inTransaction } from '../db/retry.ts';
import {
  type BundleName,
  correctTime,
  createTrust,
  deny,
  loadTrustKeys,
  must,
  readOfflinePolicy,
  revokeIssuer,
  type Trust,
  type TrustUpdate,
} from './index.ts';

const policy = readOfflinePolicy({}, { allowanceMaxMinor: 20_000n, perPaymentMaxMinor: 10_000n });
const START = 1_790_000_000;
const DAY = 24 * 3600;

let database: FreshDatabase;
let dataDir: string;
let nowSeconds: number;
let trust: Trust;
beforeEach(async () => {
  database = await freshDatabase();
  dataDir = mkdtempSync(join(tmpdir(), 'tiki-deltas-'));
  nowSeconds = START;
  trust = await start();
});
afterEach(async () => {
  rmSync(dataDir, { recursive: true });
  await database.close();
});

const start = () =>
  createTrust(database.db, loadTrustKeys({ dataDir }), { nowMs: () => nowSeconds * 1000 }, policy);
const nameOf = ({ version, issuedAt }: TrustBundle): BundleName => ({ version, issuedAt });
const whole = async () => must(verifyTrustBundle((await trust.bundle()).bytes, trust.rootPublicKey));
const follow = (update: TrustUpdate, known: TrustBundle) =>
  must(verifyTrustUpdate(update.bytes ?? known.bytes, trust.rootPublicKey, known));
const denyOne = (subjectId: string = randomUUID(), notAfter = new Date((START + 9 * DAY) * 1000)) =>
  inTransaction(database.db, (tx) => deny(tx, [{ kind: 'allowance', subjectId, reason: 'lost', notAfter }]));
const denyMany = (count: number) => database.owner`
  insert into denied_subjects (kind, subject_id, version, reason, listed_until)
  select 'allowance', gen_random_uuid(), 0, 'closing', ${new Date((START + 9 * DAY) * 1000)} from generate_series(1, ${count})`;
const listOf = ({ deniedAllowances, deniedKiosks }: TrustBundle) => ({ deniedAllowances, deniedKiosks });

describe('an update', () => {
  test('for who has nothing is the whole bundle, for who has the newest it is nothing', async () => {
    const bundle = await whole();
    expect((await trust.update(null)).bytes).toEqual(bundle.bytes);
    expect((await trust.update(nameOf(bundle))).bytes).toBeNull();
  });

  test('of a few denials in a list of 20,000 is a few hundred bytes, and arrives at the same list', async () => {
    await denyMany(20_000);
    const before = await whole();
    const id = randomUUID();
    await denyOne(id);
    await inTransaction(database.db, (tx) =>
      deny(tx, [{ kind: 'kiosk', subjectId: randomUUID(), reason: 'lost', notAfter: null }]),
    );
    const update = await trust.update(nameOf(before));
    const after = follow(update, before);
    expect(before.bytes.length).toBeGreaterThan(300_000);
    expect(update.bytes?.length).toBeLessThan(1_000);
    expect(after.deniedAllowances.has(id)).toBe(true);
    expect(after.deniedKiosks.size).toBe(1);
    expect(listOf(after)).toEqual(listOf(await whole()));
    expect(() => checkNotOlder(after, before, { nowSeconds })).not.toThrow();
  });

  test('takes off the list what has expired meanwhile', async () => {
    await denyMany(200);
    const id = randomUUID();
    await denyOne(id, new Date((START + 60) * 1000));
    const before = await whole();
    nowSeconds += 3 * DAY;
    const update = await trust.update(nameOf(before));
    const after = follow(update, before);
    expect(update.bytes?.length).toBeLessThan(before.bytes.length);
    expect([before.deniedAllowances.has(id), after.deniedAllowances.has(id)]).toEqual([true, false]);
    expect(after.denyListVersion).toBe(before.denyListVersion);
    expect(listOf(after)).toEqual(listOf(await whole()));
  });

  test('continues any former bundle, and every step between arrives at the same list', async () => {
    await denyMany(300);
    const first = await whole();
    let step = first;
    for (let n = 0; n < 4; n += 1) {
      nowSeconds += 1800;
      await denyOne();
      step = follow(await trust.update(nameOf(step)), step);
    }
    expect(listOf(step)).toEqual(listOf(follow(await trust.update(nameOf(first)), first)));
    expect(step.version).toBe(first.version + 4);
  });

  test('for a bundle that nobody knows, or that cannot be made again, is whole', async () => {
    await denyMany(300);
    const before = await whole();
    await denyOne();
    const bundle = await whole();
    for (const since of [
      { version: 4_000, issuedAt: START },
      { ...nameOf(before), issuedAt: before.issuedAt + 1 },
    ]) {
      expect((await trust.update(since)).bytes).toEqual(bundle.bytes);
    }
    await database.owner`delete from denied_subjects where version = 0`;
    expect((await trust.update(nameOf(before))).bytes).toEqual(bundle.bytes);
  });

  test('for a made-up bundle reads no list: anybody may ask', async () => {
    await denyMany(300);
    const { bytes } = await trust.bundle();
    await database.owner`alter table denied_subjects rename to hidden_subjects`;
    for (const version of [0, 1, 4_000])
      expect((await trust.update({ version, issuedAt: START - 7 })).bytes).toEqual(bytes);
  });

  test('of a list that changed altogether is whole, because that is smaller', async () => {
    const before = await whole();
    for (let n = 0; n < 8; n += 1) await denyOne();
    const update = await trust.update(nameOf(before));
    expect(update.bytes).toEqual((await whole()).bytes);
  });
});

describe('an issuer generation that leaked', () => {
  const rotate = async () => {
    renameSync(join(dataDir, 'keys', 'next-issuer-key.pem'), join(dataDir, 'keys', 'issuer-key.pem'));
    trust = await start();
    return await whole();
  };

  test('R27 is revoked in the next bundle and in deltas, once another key signs', async () => {
    await denyMany(300);
    await whole();
    await expect(revokeIssuer(database.db, { generation: 1, honouredUntil: START })).rejects.toMatchObject({
      code: 'not_permitted',
    });
    const before = await rotate();
    await revokeIssuer(database.db, { generation: 1, honouredUntil: START + 50 });
    const after = follow(await trust.update(nameOf(before)), before);
    const revoked = [{ generation: 1, honouredUntil: START + 50 }];
    expect(after.revokedIssuers).toEqual(revoked);
    expect((await whole()).revokedIssuers).toEqual(revoked);
  });

  test('leaves the bundle after enough newer ones, and is then no issuer in force: what it certified is certified anew', async () => {
    const before = await whole();
    for (let n = 0; n < 4; n += 1) {
      nowSeconds += DAY;
      await rotate();
    }
    const named = (issuers: readonly { readonly generation: number }[]) =>
      issuers.map(({ generation }) => generation).toSorted((a, b) => a - b);
    const inForce = await trust.issuersInForce(database.db);
    expect(named(inForce)).toEqual(named((await whole()).issuers));
    expect(named(before.issuers)).toContain(1);
    expect(named(inForce)).not.toContain(1);
    expect(named(await trust.issuers(database.db))).toContain(1);
  });

  test('is never honoured longer than was said before', async () => {
    await whole();
    await rotate();
    for (const honouredUntil of [START + 50, START + 90, START + 20])
      await revokeIssuer(database.db, { generation: 1, honouredUntil });
    expect((await whole()).revokedIssuers).toEqual([{ generation: 1, honouredUntil: START + 20 }]);
  });
});

describe('a clock that ran ahead (R30)', () => {
  test('is taken back by the operator: the next version carries the right time, and readers take it', async () => {
    nowSeconds = START + 100 * DAY;
    const wrong = await whole();
    nowSeconds = START;
    await denyOne();
    // By itself the server does not go back: it cannot know which of its times was wrong.
    expect((await whole()).issuedAt).toBe(START + 100 * DAY);
    await correctTime(database.db);
    const right = await whole();
    expect(right.issuedAt).toBe(START);
    expect(() => checkNotOlder(right, wrong, { nowSeconds: START })).not.toThrow();
  });
});
