/** A repeated acknowledgement: the same bytes while their key may speak, the same words after a rotation. */
import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type SettlementAcknowledgement,
  signSettlementAcknowledgement,
  verifySettlementAcknowledgement,
  verifyTrustBundle,
} from '@tikiwallet/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type FreshDatabase, freshDatabase } from '../../test/fresh-database.ts';
import { createTrust, loadTrustKeys, must, readOfflinePolicy, type Trust } from '../trust/index.ts';
import { acknowledgeAgain } from './acknowledge-again.ts';

const policy = readOfflinePolicy({}, { allowanceMaxMinor: 20_000n, perPaymentMaxMinor: 10_000n });
const START = 1_790_000_000;
const said: SettlementAcknowledgement = {
  kioskId: '22222222-2222-2222-2222-222222222222',
  batchHash: new Uint8Array(32).fill(7),
  highestSequence: 4,
  results: [{ sequence: 4, outcome: 'refused', code: 'allowance_denied' }],
  issuedAt: START,
};

let database: FreshDatabase;
let dataDir: string;
beforeAll(async () => {
  database = await freshDatabase();
  dataDir = mkdtempSync(join(tmpdir(), 'tiki-again-'));
});
afterAll(async () => {
  rmSync(dataDir, { recursive: true });
  await database.close();
});

const trustAt = (seconds: number): Promise<Trust> =>
  createTrust(database.db, loadTrustKeys({ dataDir }), { nowMs: () => seconds * 1000 }, policy);
const repeat = (trust: Trust, seconds: number, known: Uint8Array) =>
  acknowledgeAgain({ executor: database.db, clock: { nowMs: () => seconds * 1000 }, trust }, known);

test('the same bytes, until the key is rotated; then the same words under the new key, for a kiosk that refuses the old', async () => {
  const before = await trustAt(START);
  const bytes = must(signSettlementAcknowledgement(said, before.issuerKeyId), before.signAsIssuer);
  expect(await repeat(before, START + 50, bytes)).toBe(bytes);

  renameSync(join(dataDir, 'keys', 'next-issuer-key.pem'), join(dataDir, 'keys', 'issuer-key.pem'));
  const after = await trustAt(START + 100);
  const again = await repeat(after, START + 200, bytes);
  const bundle = must(verifyTrustBundle((await after.bundle()).bytes, after.rootPublicKey));
  const facts = { trust: bundle, nowSeconds: START + 200, expected: said };
  expect(must(verifySettlementAcknowledgement(again, facts))).toEqual({ ...said, issuedAt: START + 200 });
  expect(() => must(verifySettlementAcknowledgement(bytes, facts))).toThrow(/issuer_key_superseded/);
});
