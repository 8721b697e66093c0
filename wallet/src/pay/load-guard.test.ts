/** R35: many small loads do not add up to a large sum that asks for no PIN. */
import { expect, test } from 'vitest';
import { makePhone, makeShop, NOW } from '../test/world.ts';
import { payOnce } from './sign-payment.ts';
import { guardOf } from './load-guard.ts';
import { makeOffer } from '../test/world.ts';
import { WalletError } from './codes.ts';

const order = (amountMinor: bigint) => ({ amountMinor, limitMinor: 1_000n, nowSeconds: NOW + 20 });

test('small change lies open up to the limit, in all loads together', async () => {
  const { allowance } = await makePhone(await makeShop(), { capMinor: 600n });
  expect(guardOf(order(1_000n), [], [])).toBe('open');
  expect(guardOf(order(1_001n), [], [])).toBe('pin');
  expect(guardOf(order(400n), [allowance], [])).toBe('open');
  expect(guardOf(order(401n), [allowance], [])).toBe('pin');
  expect(guardOf(order(401n), [{ ...allowance, cumulativeMinor: 1n }], [])).toBe('open');
  expect(guardOf(order(1_000n), [{ ...allowance, guard: 'pin' }], [])).toBe('open');
});

test('a load whose answer was lost counts: it may still arrive', () => {
  const lost = {
    kind: 'load',
    key: 'k',
    userId: 'u',
    createdAtMs: 0,
    amountMinor: '700',
    currency: 'SGD',
    keyId: 'x',
    guard: 'open',
    devicePublicKey: '',
    proof: '',
    payee: null,
  } as const;
  expect(guardOf(order(301n), [], [lost])).toBe('pin');
  expect(guardOf(order(300n), [], [lost])).toBe('open');
});

test('R35: a payment that needs the PIN is not signed without it, and takes no counter', async () => {
  const shop = await makeShop();
  const phone = await makePhone(shop);
  const offer = await makeOffer(shop, phone);
  const shut = {
    ...phone.needs,
    openKey: () => Promise.reject(new WalletError('unlock_needed')),
  };
  await expect(payOnce(offer, shut)).rejects.toMatchObject({ code: 'unlock_needed' });
  expect(await phone.database.count('payments')).toBe(0);
  expect(await phone.database.get('allowances', phone.allowance.id)).toMatchObject({ lastCounter: 0 });
});
