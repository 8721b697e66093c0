/** Whom a locked allowance can pay, and when that makes a double spend impossible. */
import { expect, it } from 'vitest';
import { canPay, isLockedTo, payeeLockField, readPayeeLock, type PayeeLock } from './payee-lock.ts';

const SHOP = '11111111-1111-1111-1111-111111111111';
const OTHER_SHOP = '12121212-1212-1212-1212-121212121212';
const TILL = '22222222-2222-2222-2222-222222222222';
const OTHER_TILL = '23232323-2323-2323-2323-232323232323';
const till = { merchantId: SHOP, kioskId: TILL };

it.each<[what: string, lock: PayeeLock | null, pays: boolean, isLocked: boolean]>([
  ['no lock', null, true, false],
  ['a lock on the merchant', { merchantId: SHOP, kioskId: null }, true, false],
  ['a lock on the kiosk', { merchantId: SHOP, kioskId: TILL }, true, true],
  ['a lock on another till of the merchant', { merchantId: SHOP, kioskId: OTHER_TILL }, false, false],
  ['a lock on another merchant', { merchantId: OTHER_SHOP, kioskId: null }, false, false],
  [
    'a lock on a kiosk of this number, of another merchant',
    { merchantId: OTHER_SHOP, kioskId: TILL },
    false,
    false,
  ],
])('%s: pays here %s, and nowhere else %s', (_what, lock, pays, isLocked) => {
  expect(canPay(lock, till)).toBe(pays);
  expect(isLockedTo(lock, till)).toBe(isLocked);
  const field = payeeLockField(lock);
  expect(readPayeeLock(Array.isArray(field) ? field : null)).toEqual(lock);
});
