/** R35: without the PIN nothing above the limit can be signed; wrong PINs cost time, and the tenth costs the keys. */
import 'fake-indexeddb/auto';
import { expect, test } from 'vitest';
import { runAsync, signProofOfPossession, verifyProofOfPossession } from '@tikiwallet/protocol';
import { openWalletDatabase } from '../store/database.ts';
import type { Database } from '../store/schema.ts';
import { makeLock, makePhone, makeShop, ok, primitives, USER } from '../test/world.ts';
import { ensureDeviceKey, openDeviceKey } from './device-key.ts';
import { MOST_FAILURES, waitAfter } from './pin-rules.ts';
import { Vault } from './vault.ts';

const PIN = '482915';
const WRONG = '482916';
const LIMIT = 1_000n;
const LARGE = { amountMinor: 5_000n, limitMinor: LIMIT };
const SMALL = { amountMinor: 400n, limitMinor: LIMIT };

/** A page of the wallet over a database: what a restart makes anew. */
function openPage(database: Database) {
  const clock = { ms: 0 };
  const vault = new Vault({ database, monotonicMs: () => clock.ms, withLock: makeLock(), iterations: 10 });
  const pass = async (ms: number) => {
    clock.ms += ms;
    await vault.status(USER);
  };
  return { vault, clock, pass };
}

let names = 0;
async function setUp() {
  names += 1;
  const database = await openWalletDatabase(`vault-${names}`);
  const page = openPage(database);
  await page.vault.create(USER, PIN);
  return { database, ...page };
}

const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'ok',
    (error: unknown) => (error instanceof Error ? error.message : 'unknown'),
  );

test('R35: a guarded key lies on the phone as ciphertext, and the whole database without the PIN signs nothing', async () => {
  const { database, vault } = await setUp();
  const owner = { userId: USER, epoch: 1, guard: 'pin' } as const;
  const made = await ensureDeviceKey(database, owner, () => vault.open(USER, LARGE));
  const [stored] = await database.getAll('keys');
  expect(stored).not.toHaveProperty('privateKey');
  vault.lock();
  const shut = openDeviceKey(database, made.id, () => vault.open(USER, SMALL));
  expect(await codeOf(shut)).toBe('unlock_needed');
  // Not by the screens' leave: whoever calls for the key around the vault finds nothing to sign with either.
  expect(await codeOf(openDeviceKey(database, made.id))).toBe('unlock_needed');
  for (const value of Object.values(stored ?? {})) expect(value).not.toBeInstanceOf(CryptoKey);
});

test('R35: opened with the PIN after a restart the key signs, and still cannot be exported', async () => {
  const { database, vault } = await setUp();
  const owner = { userId: USER, epoch: 1, guard: 'pin' } as const;
  const made = await ensureDeviceKey(database, owner, () => vault.open(USER, LARGE));
  const restarted = openPage(database).vault;
  await restarted.unlock(USER, PIN);
  const opened = await openDeviceKey(database, made.id, () => restarted.open(USER, LARGE));
  if (opened === undefined) throw new Error('the key is gone');
  const possession = { publicKey: opened.publicKey, context: 'allowance', occasion: 'one' } as const;
  const proof = await runAsync(signProofOfPossession(possession), primitives, opened.sign);
  if (!proof.ok) throw new Error(proof.code);
  await ok(verifyProofOfPossession(proof.value, possession));
  await restarted.unlock(USER, PIN);
  const master = restarted.open(USER, LARGE);
  expect(master.extractable).toBe(false);
  await expect(crypto.subtle.exportKey('raw', master)).rejects.toThrow();
});

test('an unlock covers one payment of any size, then small ones up to the limit in sum, and not for long', async () => {
  const { vault, clock } = await setUp();
  expect(vault.permits(USER, LARGE)).toBe(true);
  vault.open(USER, LARGE);
  expect(vault.permits(USER, LARGE)).toBe(false);
  vault.open(USER, SMALL);
  // 400 were signed for without asking: 600 more are within the limit, 601 are not.
  expect(vault.permits(USER, { amountMinor: 600n, limitMinor: LIMIT })).toBe(true);
  expect(vault.permits(USER, { amountMinor: 601n, limitMinor: LIMIT })).toBe(false);
  clock.ms += 180_000;
  expect(vault.permits(USER, { amountMinor: 1n, limitMinor: LIMIT })).toBe(false);
  expect(() => vault.open(USER, { amountMinor: 1n, limitMinor: LIMIT })).toThrow('unlock_needed');
});

test('an unlock that was not used does not stay good for a large payment', async () => {
  const { vault, clock } = await setUp();
  clock.ms += 60_000;
  expect(vault.permits(USER, LARGE)).toBe(false);
  expect(vault.permits(USER, SMALL)).toBe(true);
  expect(vault.permits('another person', SMALL)).toBe(false);
  vault.lock();
  expect(vault.permits(USER, SMALL)).toBe(false);
});

test('R35: after five wrong PINs even the right one has to wait', async () => {
  const { vault, pass } = await setUp();
  for (let turn = 1; turn <= 4; turn += 1) expect(await codeOf(vault.unlock(USER, WRONG))).toBe('pin_wrong');
  expect(await codeOf(vault.unlock(USER, WRONG))).toBe('pin_wait');
  expect(await codeOf(vault.unlock(USER, PIN))).toBe('pin_wait');
  expect(await vault.status(USER)).toMatchObject({ failures: 5, waitMs: waitAfter(5) });
  await pass(waitAfter(5) - 1);
  expect(await codeOf(vault.unlock(USER, PIN))).toBe('pin_wait');
  await pass(1);
  expect(await codeOf(vault.unlock(USER, PIN))).toBe('ok');
  expect(await vault.status(USER)).toMatchObject({ failures: 0, waitMs: 0, triesBeforeWait: 5 });
});

test('R35: a restart forgives no try and no pause, and time with the wallet shut does not count', async () => {
  const { database, vault, pass } = await setUp();
  for (let turn = 1; turn <= 5; turn += 1) await codeOf(vault.unlock(USER, WRONG));
  await pass(10_000);
  // The next page begins at another moment of its own monotonic clock.
  const restarted = openPage(database);
  restarted.clock.ms = 86_400_000;
  expect(await restarted.vault.status(USER)).toMatchObject({ failures: 5, waitMs: waitAfter(5) - 10_000 });
  expect(await codeOf(restarted.vault.unlock(USER, PIN))).toBe('pin_wait');
  await restarted.pass(waitAfter(5) - 10_000);
  expect(await codeOf(restarted.vault.unlock(USER, WRONG))).toBe('pin_wait');
  expect(await restarted.vault.status(USER)).toMatchObject({ failures: 6, waitMs: waitAfter(6) });
});

test('R35: the wall clock shortens no pause', async () => {
  const { vault } = await setUp();
  for (let turn = 1; turn <= 5; turn += 1) await codeOf(vault.unlock(USER, WRONG));
  const realNow = Date.now;
  Date.now = () => realNow() + 365 * 86_400_000;
  try {
    expect(await codeOf(vault.unlock(USER, PIN))).toBe('pin_wait');
  } finally {
    Date.now = realNow;
  }
});

test('R35: a try is counted before it is made, so ending the wallet in between saves none', async () => {
  const { database } = await setUp();
  const record = await database.get('vaults', USER);
  if (record?.state !== 'set') throw new Error('no vault');
  const dying = new Vault({
    database,
    monotonicMs: () => 0,
    withLock: makeLock(),
    iterations: 10,
  });
  // The derivation never ends, as when the process dies in it.
  const { subtle } = crypto;
  const realDerive = subtle.deriveBits.bind(subtle);
  subtle.deriveBits = () => new Promise(() => undefined);
  void dying.unlock(USER, PIN);
  await expect
    .poll(async () => {
      const now = await database.get('vaults', USER);
      return now?.state === 'set' ? now.failures : -1;
    })
    .toBe(1);
  subtle.deriveBits = realDerive;
});

test('R35: the tenth wrong PIN deletes the keys and freezes what they could sign for; signed payments stay', async () => {
  const phone = await makePhone(await makeShop());
  const { database } = phone;
  const { vault, pass } = openPage(database);
  await vault.create(USER, PIN);
  const owner = { userId: USER, epoch: 1, guard: 'pin' } as const;
  await ensureDeviceKey(database, owner, () => vault.open(USER, LARGE));
  const codes: string[] = [];
  for (let turn = 1; turn <= MOST_FAILURES; turn += 1) {
    codes.push(await codeOf(vault.unlock(USER, WRONG)));
    await pass(waitAfter(turn));
  }
  expect(codes.slice(4)).toEqual(['pin_wait', 'pin_wait', 'pin_wait', 'pin_wait', 'pin_wait', 'pin_wiped']);
  expect(await database.count('keys')).toBe(0);
  expect(await database.getAll('allowances')).toMatchObject([{ state: 'frozen' }]);
  expect(await vault.status(USER)).toEqual({ kind: 'wiped', why: 'wrong_pins' });
  expect(await codeOf(vault.unlock(USER, PIN))).toBe('pin_wiped');
  // Whoever typed them does not keep the session either, also when there was no network to end it.
  expect(await openPage(database).vault.owesSignOut(USER)).toBe(true);
});

test('R35: no new PIN hides that the session is still to be ended', async () => {
  const { vault, pass } = await setUp();
  for (let turn = 1; turn <= MOST_FAILURES; turn += 1) {
    await codeOf(vault.unlock(USER, WRONG));
    await pass(waitAfter(turn));
  }
  expect(await codeOf(vault.create(USER, '739164'))).toBe('pin_wiped');
  expect(await vault.owesSignOut(USER)).toBe(true);
  await vault.noteSignedOut(USER);
  expect(await vault.owesSignOut(USER)).toBe(false);
  expect(await codeOf(vault.create(USER, '739164'))).toBe('ok');
});

test('R35: the note of the ended session waits for another tab’s turn, and never undoes its PIN', async () => {
  const { database, vault, pass } = await setUp();
  const set = await database.get('vaults', USER);
  if (set === undefined) throw new Error('no vault');
  for (let turn = 1; turn <= MOST_FAILURES; turn += 1) {
    await codeOf(vault.unlock(USER, WRONG));
    await pass(waitAfter(turn));
  }
  const withLock = makeLock();
  const tab = new Vault({ database, monotonicMs: () => 0, withLock, iterations: 10 });
  let end: () => void = () => undefined;
  const turn = withLock(() => new Promise<void>((resolve) => (end = resolve)));
  const note = tab.noteSignedOut(USER);
  for (let look = 0; look < 5; look += 1) expect(await tab.owesSignOut(USER)).toBe(true);
  await database.put('vaults', set);
  end();
  await Promise.all([turn, note]);
  expect(await database.get('vaults', USER)).toMatchObject({ state: 'set' });
});

test('R35: tabs that try at once share their tries', async () => {
  const { database, pass } = await setUp();
  const withLock = makeLock();
  const tabs = Array.from(
    { length: 8 },
    () => new Vault({ database, monotonicMs: () => 0, withLock, iterations: 10 }),
  );
  const codes = await Promise.all(tabs.map((tab) => codeOf(tab.unlock(USER, WRONG))));
  expect(codes.filter((code) => code === 'pin_wrong')).toHaveLength(4);
  expect(codes.filter((code) => code === 'pin_wait')).toHaveLength(4);
  await pass(0);
  const record = await database.get('vaults', USER);
  expect(record?.state === 'set' ? record.failures : -1).toBe(5);
});

test('R35: a pause that was earned in another tab counts in this one', async () => {
  const { database, vault, pass } = await setUp();
  for (let turn = 1; turn <= 5; turn += 1) await codeOf(vault.unlock(USER, WRONG));
  const other = openPage(database);
  await other.vault.status(USER);
  await other.pass(waitAfter(5));
  expect(await codeOf(other.vault.unlock(USER, WRONG))).toBe('pin_wait');
  // This tab began to wait for the fifth; the sixth is longer.
  await pass(waitAfter(5) + 1_000);
  expect(await vault.status(USER)).toMatchObject({ failures: 6, waitMs: waitAfter(6) });
});

test('a changed PIN opens the same keys, and the old one opens nothing', async () => {
  const { database, vault } = await setUp();
  const owner = { userId: USER, epoch: 1, guard: 'pin' } as const;
  const made = await ensureDeviceKey(database, owner, () => vault.open(USER, LARGE));
  await vault.changePin(USER, PIN, '135792');
  vault.lock();
  expect(await codeOf(vault.unlock(USER, PIN))).toBe('pin_wrong');
  await vault.unlock(USER, '135792');
  const opened = await openDeviceKey(database, made.id, () => vault.open(USER, LARGE));
  expect(opened?.publicKey).toEqual(made.publicKey);
});

test('a PIN that is too simple is not taken, and a second PIN does not replace the first', async () => {
  const { vault } = await setUp();
  expect(await codeOf(vault.create(USER, '135792'))).toBe('unlock_needed');
  expect(await codeOf(vault.changePin(USER, PIN, '111111'))).toBe('pin_too_simple');
  expect(await codeOf(vault.create('another person', '123456'))).toBe('pin_too_simple');
});

test('the limit is changed by who knows the PIN', async () => {
  const { vault } = await setUp();
  expect(await codeOf(vault.changeLimit(USER, WRONG, 0n))).toBe('pin_wrong');
  expect(await vault.status(USER)).toMatchObject({ limitMinor: null });
  await vault.changeLimit(USER, PIN, 0n);
  expect(await vault.status(USER)).toMatchObject({ limitMinor: 0n, failures: 0 });
});
