import { chmodSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { checkNotOlder, equalBytes, type TrustBundle, verifyTrustBundle } from '@tikiwallet/protocol';
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

test('a till takes no more than a wallet pays, unless the operator says so', () => {
  const limits = { allowanceMaxMinor: 20_000n, perPaymentMaxMinor: 7_000n };
  expect(readOfflinePolicy({}, limits).kiosk.perPaymentMinor).toBe(7_000n);
  const named = { TIKI_KIOSK_PER_PAYMENT_MAX_MINOR: '9000' };
  expect(readOfflinePolicy(named, limits).kiosk.perPaymentMinor).toBe(9_000n);
});

describe('keys', () => {
  test('are made once, for their owner only, and read again at the next start', () => {
    const first = keys();
    expect(statSync(join(dataDir, 'keys', 'root-key.pem')).mode & 0o777).toBe(0o600);
    expect(statSync(join(dataDir, 'keys', 'issuer-key.pem')).mode & 0o777).toBe(0o600);
    expect(keys().rootPublicKey).toEqual(first.rootPublicKey);
    expect(keys().issuer.keyId).toEqual(first.issuer.keyId);
  });

  test('open to other users are refused in a sentence', () => {
    const path = join(dataDir, 'keys', 'root-key.pem');
    chmodSync(path, 0o644);
    expect(keys).toThrow(/Other users may read/);
    chmodSync(path, 0o600);
  });

  test('may be files that the environment names', () => {
    const named = { TIKI_ROOT_KEY_FILE: join(dataDir, 'keys', 'issuer-key.pem'), TIKI_ISSUER_KEY_FILE: '' };
    expect(loadTrustKeys(trustKeyFiles(dataDir, named)).rootPublicKey).toEqual(keys().issuer.publicKey);
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
    expect(bundle.issuers.map((issuer) => issuer.generation)).toEqual([1, 2]);
    expect(bundle.signer.keyId).toEqual(trust.issuerKeyId);
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
    expect(() => checkNotOlder(after, before, { nowSeconds: START })).not.toThrow();
    // Even when this server's clock was set back.
    const behind = await trustAt(START + 100);
    await denyAllowance(randomUUID(), new Date((START + 90_000) * 1000));
    const newest = read(await behind.bundle());
    expect(() => checkNotOlder(newest, after, { nowSeconds: START })).not.toThrow();
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
    await database.owner`update trust_state set deny_list_version = 41000`;
    expect(await hasRoomForClosing(database.db, new Date(seconds * 1000))).toBe(false);
    await denyAllowance(randomUUID(), until);
    const bundle = read(await (await trustAt(seconds)).bundle());
    expect(bundle.deniedAllowances.size).toBe(40_000);
    expect(bundle.deniedAllowances.has(id)).toBe(true);
    await database.owner`delete from denied_subjects where reason = 'closing'`;
    expect(await hasRoomForClosing(database.db, new Date(seconds * 1000))).toBe(true);
  });

  test('goes on over a rotation: the next key was known, signs, and the old one no longer may (R27, R31)', async () => {
    const seconds = START + 5 * 24 * 3600;
    const old = keys();
    const running = await trustAt(seconds);
    const before = read(await running.bundle());
    renameSync(join(dataDir, 'keys', 'next-issuer-key.pem'), join(dataDir, 'keys', 'issuer-key.pem'));
    const rotated = await trustAt(seconds + 10);
    const after = read(await rotated.bundle());
    expect([before.signer.generation, after.signer.generation]).toEqual([1, 2]);
    expect(before.issuers.map((issuer) => issuer.keyId)).toContainEqual(after.signer.keyId);
    expect(new Set(after.issuers.map((issuer) => issuer.generation))).toEqual(new Set([1, 2, 3]));
    expect(() => checkNotOlder(after, before, { nowSeconds: seconds })).not.toThrow();
    // A process that still runs with the old key hands on what the new one signed; it does not start again.
    await denyAllowance(randomUUID(), new Date((seconds + 90_000) * 1000));
    expect(read(await running.bundle()).signer.generation).toBe(2);
    await expect(createTrust(database.db, old, clockAt(seconds + 20), policy)).rejects.toThrow(
      /newer issuer key/,
    );
  });

  test('a key that is certified again keeps its generation', async () => {
    const late = START + policy.issuerCertificateSeconds;
    const bundle = read(await (await trustAt(late - 1000)).bundle());
    const own = bundle.issuers.filter((issuer) => equalBytes(issuer.keyId, keys().issuer.keyId));
    expect(own.map((issuer) => issuer.generation)).toEqual([2, 2]);
  });

  test('a database of another root is refused before anything is signed', async () => {
    const other = mkdtempSync(join(tmpdir(), 'tiki-trust-other-'));
    await expect(
      createTrust(database.db, loadTrustKeys({ dataDir: other }), clockAt(START), policy),
    ).rejects.toThrow(/another root key/);
    rmSync(other, { recursive: true });
  });
});
