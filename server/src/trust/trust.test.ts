import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { checkNotOlder, type TrustBundle, verifyTrustBundle } from '@tikiwallet/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FreshDatabase, freshDatabase } from '../../test/fresh-database.ts';
import { inTransaction } from '../db/retry.ts';
import {
  createTrust,
  deny,
  hasRoomForClosing,
  loadTrustKeys,
  must,
  readOfflinePolicy,
  type SignedBundle,
  trustKeyFiles,
} from './index.ts';

const policy = readOfflinePolicy({}, { allowanceMaxMinor: 20_000n, perPaymentMaxMinor: 10_000n });
const START = 1_790_000_000;

let database: FreshDatabase;
let dataDir: string;
beforeAll(async () => {
  database = await freshDatabase();
  dataDir = mkdtempSync(join(tmpdir(), 'tiki-trust-'));
});
afterAll(async () => {
  rmSync(dataDir, { recursive: true });
  await database.close();
});

const clockAt = (seconds: number) => ({ nowMs: () => seconds * 1000 });
const keys = () => loadTrustKeys({ dataDir });
const trustAt = (seconds: number) => createTrust(database.db, keys(), clockAt(seconds), policy);
const read = (bundle: SignedBundle): TrustBundle =>
  must(verifyTrustBundle(bundle.bytes, keys().rootPublicKey));
const denyAllowance = (subjectId: string, notAfter: Date) =>
  inTransaction(database.db, (tx) => deny(tx, [{ kind: 'allowance', subjectId, reason: 'lost', notAfter }]));

describe('keys', () => {
  test('are made once, for their owner only, and read again at the next start', () => {
    const first = keys();
    expect(statSync(join(dataDir, 'keys', 'root-key.pem')).mode & 0o777).toBe(0o600);
    expect(statSync(join(dataDir, 'keys', 'issuer-key.pem')).mode & 0o777).toBe(0o600);
    expect(keys().rootPublicKey).toEqual(first.rootPublicKey);
    expect(keys().issuerKeyId).toEqual(first.issuerKeyId);
  });

  test('open to other users are refused in a sentence', () => {
    const path = join(dataDir, 'keys', 'root-key.pem');
    chmodSync(path, 0o644);
    expect(keys).toThrow(/Other users may read/);
    chmodSync(path, 0o600);
  });

  test('may be files that the environment names', () => {
    const named = { TIKI_ROOT_KEY_FILE: join(dataDir, 'keys', 'issuer-key.pem'), TIKI_ISSUER_KEY_FILE: '' };
    expect(loadTrustKeys(trustKeyFiles(dataDir, named)).rootPublicKey).toEqual(keys().issuerPublicKey);
    expect(() => loadTrustKeys(trustKeyFiles(dataDir, { TIKI_ROOT_KEY_FILE: '/nowhere/root.pem' }))).toThrow(
      /does not exist/,
    );
    expect(readFileSync(join(dataDir, 'keys', 'root-key.pem'), 'utf8')).toContain('PRIVATE KEY');
  });
});

describe('the trust bundle', () => {
  test('verifies from the root alone and carries policy and issuer', async () => {
    const trust = await trustAt(START);
    const bundle = read(await trust.bundle());
    expect(bundle.policy).toEqual(policy.kiosk);
    expect(bundle.issuers.map((issuer) => issuer.keyId)).toEqual([trust.issuerKeyId]);
    expect(bundle.issuedAt).toBe(START);
  });

  test('is the same bytes for every process until something changes or an hour has passed', async () => {
    const first = await (await trustAt(START + 10)).bundle();
    expect((await (await trustAt(START + 3000)).bundle()).bytes).toEqual(first.bytes);
    const later = await (await trustAt(START + 4000)).bundle();
    expect(later.version).toBe(first.version + 1);
    expect(read(later).issuedAt).toBe(START + 4000);
  });

  test('lists a denial at once, under a higher version, and never goes back (R31)', async () => {
    const trust = await trustAt(START + 4100);
    const before = read(await trust.bundle());
    const id = randomUUID();
    const version = await denyAllowance(id, new Date((START + 90_000) * 1000));
    const after = read(await trust.bundle());
    expect(after.deniedAllowances.has(id)).toBe(true);
    expect(after.denyListVersion).toBe(version);
    expect(version).toBeGreaterThan(before.denyListVersion);
    expect(() => checkNotOlder(after, before)).not.toThrow();
    // Even when this server's clock was set back.
    const behind = await trustAt(START + 100);
    await denyAllowance(randomUUID(), new Date((START + 90_000) * 1000));
    const newest = read(await behind.bundle());
    expect(() => checkNotOlder(newest, after)).not.toThrow();
  });

  test('denying again is no new version', async () => {
    const id = randomUUID();
    const first = await denyAllowance(id, new Date((START + 90_000) * 1000));
    expect(await denyAllowance(id, new Date((START + 90_000) * 1000))).toBe(first);
  });

  test('leaves out an allowance that expired days ago', async () => {
    const id = randomUUID();
    await denyAllowance(id, new Date((START + 5000) * 1000));
    expect(read(await (await trustAt(START + 10_000)).bundle()).deniedAllowances.has(id)).toBe(true);
    expect(read(await (await trustAt(START + 5000 + 3 * 24 * 3600)).bundle()).deniedAllowances.has(id)).toBe(
      false,
    );
  });

  test('of twenty concurrent denials shows each under a version of its own (R31)', async () => {
    const versions = await Promise.all(
      Array.from({ length: 20 }, () => denyAllowance(randomUUID(), new Date((START + 9e6) * 1000))),
    );
    expect(new Set(versions).size).toBe(20);
    const bundle = read(await (await trustAt(START + 4 * 24 * 3600)).bundle());
    expect(bundle.denyListVersion).toBe(Math.max(...versions));
  });

  test('lists fraud and loss before closings, however many are closed afterwards', async () => {
    const seconds = START + 4 * 24 * 3600;
    const until = new Date((seconds + 90_000) * 1000);
    const id = randomUUID();
    await denyAllowance(id, until);
    await database.owner`insert into denied_subjects (kind, subject_id, version, reason, listed_until)
      select 'allowance', gen_random_uuid(), 1000 + n, 'closing', ${until} from generate_series(1, 40000) n`;
    expect(await hasRoomForClosing(database.db, new Date(seconds * 1000))).toBe(false);
    await denyAllowance(randomUUID(), until);
    const bundle = read(await (await trustAt(seconds)).bundle());
    expect(bundle.deniedAllowances.size).toBe(40_000);
    expect(bundle.deniedAllowances.has(id)).toBe(true);
    await database.owner`delete from denied_subjects where reason = 'closing'`;
    expect(await hasRoomForClosing(database.db, new Date(seconds * 1000))).toBe(true);
  });

  test('holds both generations after the issuer key was changed', async () => {
    const old = keys();
    rmSync(join(dataDir, 'keys', 'issuer-key.pem'));
    const trust = await trustAt(START + 5 * 24 * 3600);
    const bundle = read(await trust.bundle());
    expect(bundle.issuers.map((issuer) => issuer.keyId)).toEqual(
      expect.arrayContaining([old.issuerKeyId, keys().issuerKeyId]),
    );
  });

  test('a database of another root is refused before anything is signed', async () => {
    const other = mkdtempSync(join(tmpdir(), 'tiki-trust-other-'));
    await expect(
      createTrust(database.db, loadTrustKeys({ dataDir: other }), clockAt(START), policy),
    ).rejects.toThrow(/another root key/);
    rmSync(other, { recursive: true });
  });
});
