/** R35: the private key never leaves its room, and survives the wallet being closed. */
import 'fake-indexeddb/auto';
import { expect, test } from 'vitest';
import { signProofOfPossession, verifyProofOfPossession } from '@tikiwallet/protocol';
import { openWalletDatabase } from '../store/database.ts';
import { ok } from '../test/world.ts';
import { ensureDeviceKey, openDeviceKey } from './device-key.ts';

const OWNER = { userId: 'someone', epoch: 1, guard: 'open' } as const;

test('R35: every way to export the stored private key fails', async () => {
  const database = await openWalletDatabase('keys-1');
  const key = await ensureDeviceKey(database, OWNER);
  const stored = await database.get('keys', key.id);
  if (stored?.guard !== 'open') throw new Error('an open key was asked for');
  expect(stored.privateKey.extractable).toBe(false);
  expect(stored.privateKey.usages).toEqual(['sign']);
  for (const format of ['jwk', 'pkcs8', 'raw'] as const) {
    await expect(crypto.subtle.exportKey(format, stored.privateKey)).rejects.toThrow();
  }
  await expect(
    crypto.subtle.wrapKey('jwk', stored.privateKey, stored.privateKey, { name: 'AES-KW' }),
  ).rejects.toThrow();
  expect(Object.keys(key)).not.toContain('privateKey');
});

test('a key that was opened again signs for the same public key', async () => {
  const first = await openWalletDatabase('keys-2');
  const made = await ensureDeviceKey(first, OWNER);
  first.close();
  const opened = await openDeviceKey(await openWalletDatabase('keys-2'), made.id);
  expect(opened?.publicKey).toEqual(made.publicKey);
  if (opened === undefined) return;
  const possession = { publicKey: opened.publicKey, context: 'allowance', occasion: 'one' } as const;
  await ok(verifyProofOfPossession(await ok(signProofOfPossession(possession), opened.sign), possession));
});

test('one person has one key in an epoch; another person and another epoch have their own', async () => {
  const database = await openWalletDatabase('keys-3');
  const key = await ensureDeviceKey(database, OWNER);
  expect((await ensureDeviceKey(database, OWNER)).id).toBe(key.id);
  expect((await ensureDeviceKey(database, { ...OWNER, epoch: 2 })).id).not.toBe(key.id);
  expect((await ensureDeviceKey(database, { ...OWNER, userId: 'another' })).id).not.toBe(key.id);
  expect(await openDeviceKey(database, 'unknown')).toBeUndefined();
});
