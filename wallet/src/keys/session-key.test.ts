/** R55 from the phone's side: its key stays in its room, and a count that was sent is never sent again. */
import 'fake-indexeddb/auto';
import { expect, test } from 'vitest';
import { fromBase64Url } from '@tikiwallet/protocol';
import type { SessionProof } from '@tikiwallet/server/contract';
import { getMeta, openWalletDatabase } from '../store/database.ts';
import { SessionKeys } from './session-key.ts';

const bytes = (text: string) => new Uint8Array(fromBase64Url(text));

async function isSignedBy(publicKey: string, proof: SessionProof): Promise<boolean> {
  const curve = { name: 'ECDSA', namedCurve: 'P-256' };
  const key = await crypto.subtle.importKey('raw', bytes(publicKey), curve, false, ['verify']);
  const text = new TextEncoder().encode(`tikiwallet session\n${proof.sessionId}\n${String(proof.count)}`);
  const form = { name: 'ECDSA', hash: 'SHA-256' };
  return await crypto.subtle.verify(form, key, bytes(proof.signature), text);
}

test('the stored key cannot be exported', async () => {
  const database = await openWalletDatabase('session-1');
  await (await new SessionKeys(database).offer()).keep('one');
  const stored = await getMeta(database, 'sessionKey');
  if (stored === undefined) throw new Error('nothing was kept');
  expect(stored.privateKey.extractable).toBe(false);
  await expect(crypto.subtle.exportKey('jwk', stored.privateKey)).rejects.toThrow();
});

test('every proof has the next count, also after a restart and from many tabs at once', async () => {
  const first = await openWalletDatabase('session-2');
  const offered = await new SessionKeys(first).offer();
  await offered.keep('one');
  const before = await new SessionKeys(first).prove();
  first.close();
  const tabs = await Promise.all(Array.from({ length: 3 }, () => openWalletDatabase('session-2')));
  const proofs = await Promise.all(tabs.map((tab) => new SessionKeys(tab).prove()));
  const all = [before, ...proofs].filter((proof) => proof !== null);
  expect(all.map(({ count }) => count).toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4]);
  for (const proof of all) expect(await isSignedBy(offered.publicKey, proof)).toBe(true);
});

test('a count is used up before its proof exists: what is stopped in between is not signed again', async () => {
  const database = await openWalletDatabase('session-3');
  const keys = new SessionKeys(database);
  await (await keys.offer()).keep('one');
  const proving = keys.prove();
  await expect.poll(async () => (await getMeta(database, 'sessionKey'))?.count).toBe(1);
  expect((await proving)?.count).toBe(1);
  expect((await keys.prove())?.count).toBe(2);
});

test('without a session, and after its end, nothing is proved', async () => {
  const database = await openWalletDatabase('session-4');
  const keys = new SessionKeys(database);
  expect(await keys.prove()).toBeNull();
  await (await keys.offer()).keep('one');
  await keys.forget();
  expect(await keys.prove()).toBeNull();
});
