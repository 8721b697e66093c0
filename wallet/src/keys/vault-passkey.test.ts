/** R35: a fingerprint or a face opens what the PIN opens, and takes nothing away from it. */
import 'fake-indexeddb/auto';
import { expect, test } from 'vitest';
import { WalletError } from '../pay/codes.ts';
import { openWalletDatabase } from '../store/database.ts';
import { makeLock, USER } from '../test/world.ts';
import type { Passkeys } from './passkey.ts';
import { makePhoneKey } from './vault-crypto.ts';
import { Vault } from './vault.ts';

const [PIN, NEXT, WRONG] = ['482915', '736142', '482916'];
const LARGE = { amountMinor: 5_000n, limitMinor: 1_000n };

/** An authenticator by its definition: a secret for each credential, a MAC for each salt, and a person who may refuse. */
function makeAuthenticator() {
  const secrets = new Map<string, CryptoKey>();
  const finger = { isThere: true };
  const passkeys: Pick<Passkeys, 'create' | 'ask'> = {
    create: async () => {
      if (!finger.isThere) throw new WalletError('passkey_cancelled');
      const credentialId = crypto.getRandomValues(new Uint8Array(16));
      secrets.set(credentialId.join(), await makePhoneKey());
      return { credentialId, salt: crypto.getRandomValues(new Uint8Array(32)) };
    },
    ask: async ({ credentialId, salt }) => {
      const secret = secrets.get(credentialId.join());
      if (!finger.isThere || secret === undefined) throw new WalletError('passkey_cancelled');
      return await crypto.subtle.sign('HMAC', secret, new Uint8Array(salt));
    },
  };
  return { passkeys, finger, forgetAll: () => secrets.clear() };
}

let names = 0;
async function setUp() {
  names += 1;
  const database = await openWalletDatabase(`passkey-${String(names)}`);
  const authenticator = makeAuthenticator();
  const { passkeys } = authenticator;
  const openPage = () =>
    new Vault({ database, monotonicMs: () => 0, withLock: makeLock(), iterations: 10, passkeys });
  const vault = openPage();
  await vault.create(USER, PIN);
  vault.lock();
  return { ...authenticator, database, vault, openPage };
}

const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'ok',
    (error: unknown) => (error instanceof Error ? error.message : 'unknown'),
  );

test('R35: only who knows the PIN adds it, and the vault stays shut meanwhile', async () => {
  const { vault } = await setUp();
  expect(await codeOf(vault.addPasskey(USER, WRONG, 'me'))).toBe('pin_wrong');
  expect(await vault.status(USER)).toMatchObject({ hasPasskey: false, failures: 1 });
  await vault.addPasskey(USER, PIN, 'me');
  expect(await vault.status(USER)).toMatchObject({ hasPasskey: true, failures: 0 });
  expect(vault.permits(USER, LARGE)).toBe(false);
});

test('R35: after a restart it opens the same vault as the PIN, once for what it was asked for', async () => {
  const { vault, openPage } = await setUp();
  await vault.addPasskey(USER, PIN, 'me');
  const page = openPage();
  await page.unlockByPasskey(USER);
  page.open(USER, LARGE);
  expect(page.permits(USER, LARGE)).toBe(false);
});

test('R35: what lies on the phone opens nothing without the authenticator', async () => {
  const { vault, database } = await setUp();
  await vault.addPasskey(USER, PIN, 'me');
  const record = await database.get('vaults', USER);
  if (record?.state !== 'set' || record.passkey === undefined) throw new Error('nothing was kept');
  const { phoneKey, ...plain } = record.passkey;
  expect(phoneKey.extractable).toBe(false);
  for (const value of Object.values(plain)) expect(value).not.toBeInstanceOf(CryptoKey);
});

test('R35: a person who says no, and a passkey that was removed, leave the PIN as it was and cost no try', async () => {
  const { vault, finger, forgetAll } = await setUp();
  await vault.addPasskey(USER, PIN, 'me');
  finger.isThere = false;
  expect(await codeOf(vault.unlockByPasskey(USER))).toBe('passkey_cancelled');
  finger.isThere = true;
  forgetAll();
  expect(await codeOf(vault.unlockByPasskey(USER))).toBe('passkey_cancelled');
  expect(vault.permits(USER, LARGE)).toBe(false);
  expect(await vault.status(USER)).toMatchObject({ failures: 0 });
  await vault.unlock(USER, PIN);
  expect(vault.permits(USER, LARGE)).toBe(true);
});

test('R35: it ends with a changed PIN, and the new one may add another', async () => {
  const { vault, openPage } = await setUp();
  await vault.addPasskey(USER, PIN, 'me');
  await vault.changePin(USER, PIN, NEXT);
  expect(await codeOf(openPage().unlockByPasskey(USER))).toBe('passkey_not_possible');
  expect(await vault.status(USER)).toMatchObject({ kind: 'set', hasPasskey: false });
  await vault.addPasskey(USER, NEXT, 'me');
  await openPage().unlockByPasskey(USER);
});

test('R35: it forgives no wrong PIN', async () => {
  const { vault, openPage } = await setUp();
  await vault.addPasskey(USER, PIN, 'me');
  expect(await codeOf(vault.unlock(USER, WRONG))).toBe('pin_wrong');
  const page = openPage();
  await page.unlockByPasskey(USER);
  page.open(USER, LARGE);
  expect(await page.status(USER)).toMatchObject({ failures: 1, hasPasskey: true });
});

test('R35: given up, it opens nothing; and it ends with the keys', async () => {
  const { vault } = await setUp();
  await vault.addPasskey(USER, PIN, 'me');
  await vault.dropPasskey(USER);
  expect(await codeOf(vault.unlockByPasskey(USER))).toBe('passkey_not_possible');
  expect(await vault.status(USER)).toMatchObject({ kind: 'set', hasPasskey: false });
  await vault.unlock(USER, PIN);
  await vault.addPasskey(USER, PIN, 'me');
  await vault.giveUp(USER);
  expect(await codeOf(vault.unlockByPasskey(USER))).toBe('passkey_not_possible');
});
