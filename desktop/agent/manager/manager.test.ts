/** The manager's PIN: memory-hard, counted before it is looked at, locked after ten, opened by the account's password. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Session } from '@tikiwallet/server/contract';
import { IpcError } from '../../ipc/index.ts';
import type { CommandName, CommandParams, CommandResult } from '../store/messages.ts';
import { MERCHANT_ID, TestIssuer, TestKiosk } from '../test/world.ts';
import { Manager } from './manager.ts';
import { hashPin, isWeakPin } from './pin-hash.ts';

const issuer = new TestIssuer();
const PIN = '482913';
let kiosk: TestKiosk;
let manager: Manager;
let isOnline: boolean;
let merchantId: string;
let ended: number;
/** Quick, where it is the tries that count. */
const quick: typeof hashPin = async (pin, salt) =>
  new Uint8Array(createHash('sha256').update(salt).update(pin).digest());

beforeEach(() => {
  kiosk = new TestKiosk();
  kiosk.enrol(issuer);
  isOnline = true;
  merchantId = MERCHANT_ID;
  ended = 0;
  manager = makeManager(quick);
});
afterEach(() => kiosk.dispose());

function makeManager(hash: typeof hashPin): Manager {
  return new Manager({
    hash,
    api: {
      signIn: async ({ phone, password }) => {
        if (!isOnline) throw new IpcError('cloud_unreachable');
        if (phone !== '+6591234567' || password !== 'correct') throw new IpcError('credentials_incorrect');
        return session();
      },
      signOut: async () => {
        ended += 1;
      },
    },
    store: {
      run: async <N extends CommandName>(name: N, params: CommandParams<N>): Promise<CommandResult<N>> =>
        kiosk.desk.run(name, params),
    },
    snapshot: () => kiosk.snapshot(),
  });
}

function session(): Session {
  const time = new Date().toISOString();
  return {
    accessToken: 'a',
    accessExpiresAt: time,
    refreshToken: 'r',
    sessionExpiresAt: time,
    user: {
      id: MERCHANT_ID,
      role: 'merchant',
      phone: '+6591234567',
      username: 'sari',
      currency: 'SGD',
      merchant: { id: merchantId, businessName: 'Warung Sari', teamRole: 'owner' },
    },
  };
}

const byPassword = (newPin = PIN, password = 'correct') =>
  manager.setPin({ newPin, proof: { kind: 'password', password } });
const prove = (pin: string) => manager.withPin(pin, async (hash) => kiosk.desk.store.managerPin.prove(hash));
const standing = () => kiosk.snapshot().managerPin.state;
/** Waits out whatever the former tries cost. */
const waitItOut = () => kiosk.clock.pass(kiosk.snapshot().managerPin.retryAfterMs);

test('is set with the merchant’s password online, and the session that proved it is ended', async () => {
  expect(standing()).toBe('none');
  await expect(prove(PIN)).rejects.toThrow('manager_pin_not_set');
  await byPassword();
  expect([standing(), ended]).toEqual(['set', 1]);
  await prove(PIN);
});

test('is not set without internet, with a wrong password, or by another merchant', async () => {
  await expect(byPassword(PIN, 'wrong')).rejects.toThrow('credentials_incorrect');
  isOnline = false;
  await expect(byPassword()).rejects.toThrow('cloud_unreachable');
  isOnline = true;
  merchantId = '11111111-1111-4111-8111-999999999999';
  await expect(byPassword()).rejects.toThrow('not_permitted');
  expect(standing()).toBe('none');
});

test('is changed with the former one, and only with it', async () => {
  await byPassword();
  const change = (pin: string) => manager.setPin({ newPin: '7193846', proof: { kind: 'pin', pin } });
  await expect(change('000001')).rejects.toThrow('manager_pin_wrong');
  await change(PIN);
  await expect(prove(PIN)).rejects.toThrow('manager_pin_wrong');
  await prove('7193846');
});

test('is nowhere on the disk, nor is anything that a fast machine could try against', async () => {
  manager = makeManager(hashPin);
  await byPassword();
  await prove(PIN);
  const bytes = Buffer.concat(['', '-wal'].map((end) => readFileSync(`${kiosk.path}${end}`)));
  expect(bytes.includes(Buffer.from(PIN))).toBe(false);
  const salt = new Uint8Array(16);
  expect(await hashPin(PIN, salt)).not.toEqual(await quick(PIN, salt));
}, 30_000);

test('five tries are free, then each costs a wait that grows, and the tenth in vain locks until the password', async () => {
  await byPassword();
  for (let tries = 1; tries < 5; tries += 1)
    await expect(prove('000001')).rejects.toThrow('manager_pin_wrong');
  expect(standing()).toBe('set');
  const waits: number[] = [];
  for (let tries = 5; tries < 10; tries += 1) {
    await expect(prove('000001')).rejects.toThrow('manager_pin_wrong');
    waits.push(kiosk.snapshot().managerPin.retryAfterMs);
    await expect(prove(PIN)).rejects.toMatchObject({ code: 'manager_pin_wait', retryAfterMs: waits.at(-1) });
    waitItOut();
  }
  expect(waits).toEqual([30_000, 60_000, 120_000, 300_000, 900_000]);
  expect(standing()).toBe('set');
  await expect(prove('000001')).rejects.toThrow('manager_pin_wrong');
  expect(standing()).toBe('locked');
  kiosk.clock.pass(7 * 86_400_000);
  kiosk.reopen();
  await expect(prove(PIN)).rejects.toThrow('manager_pin_locked');
  await byPassword();
  await prove(PIN);
});

test('neither a restart nor a clock set ahead shortens the wait or gives a try back', async () => {
  await byPassword();
  for (let tries = 0; tries < 5; tries += 1)
    await expect(prove('000001')).rejects.toThrow('manager_pin_wrong');
  kiosk.clock.pass(20_000);
  kiosk.clock.wall += 365 * 86_400_000;
  kiosk.reopen();
  await expect(prove(PIN)).rejects.toMatchObject({ code: 'manager_pin_wait', retryAfterMs: 30_000 });
  waitItOut();
  // The plug is pulled between the count and the look.
  kiosk.desk.run('beginPinTry', null);
  kiosk.reopen();
  await expect(prove(PIN)).rejects.toMatchObject({ code: 'manager_pin_wait', retryAfterMs: 60_000 });
});

test('the right one forgives the wrong ones', async () => {
  await byPassword();
  for (let tries = 0; tries < 4; tries += 1)
    await expect(prove('000001')).rejects.toThrow('manager_pin_wrong');
  await prove(PIN);
  for (let tries = 0; tries < 4; tries += 1)
    await expect(prove('000001')).rejects.toThrow('manager_pin_wrong');
  expect(standing()).toBe('set');
});

test('what a thief tries first is refused', () => {
  for (const pin of ['000000', '123456', '987654', '890123', '121212', '123123', '11111111'])
    expect([pin, isWeakPin(pin)]).toEqual([pin, true]);
  for (const pin of [PIN, '135790', '7193846', '112358']) expect([pin, isWeakPin(pin)]).toEqual([pin, false]);
});
