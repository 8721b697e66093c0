import { expect, test, vi } from 'vitest';
import { WalletError } from './codes.ts';
import { lookAround } from './look-around.ts';
import type { ReadOutcome } from './read-request.ts';

const subject = {
  merchantName: 'Warung Sari',
  merchantPhone: '+6591234567',
  amountMinor: 1_250n,
  currency: 'SGD',
  comparisonCode: '1234',
};
const sale: ReadOutcome = { kind: 'refused', code: 'no_offline_money', subject };
const unsigned: ReadOutcome = { kind: 'refused', code: 'unknown', subject: null };
const refund = { text: 'TIKI1:B:', merchantName: 'Toko', amountMinor: 500n, currency: 'SGD' };
const none = () => Promise.reject(new WalletError('no_sale_nearby'));

test('a sale and money that comes back are offered side by side', async () => {
  expect(await lookAround(Promise.resolve([sale]), Promise.resolve([refund]))).toEqual({
    sales: [sale],
    refunds: [refund],
  });
});

test('money that comes back is found where nothing is for sale, and where nothing waits the person hears why', async () => {
  expect(await lookAround(none(), Promise.resolve([refund]))).toEqual({ sales: [], refunds: [refund] });
  await expect(lookAround(none(), Promise.resolve([]))).rejects.toMatchObject({ code: 'no_sale_nearby' });
});

test('a request that nobody signed is told of only where nothing better waits', async () => {
  expect(await lookAround(Promise.resolve([unsigned]), Promise.resolve([refund]))).toEqual({
    sales: [],
    refunds: [refund],
  });
  expect(await lookAround(Promise.resolve([unsigned]), Promise.resolve([]))).toEqual({
    sales: [unsigned],
    refunds: [],
  });
});

test('a search for refunds that fails, or never ends, hides no sale', async () => {
  const told = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const only = { sales: [sale], refunds: [] };
  expect(await lookAround(Promise.resolve([sale]), Promise.reject(new Error('broken')))).toEqual(only);
  expect(told).toHaveBeenCalledOnce();
  told.mockRestore();
  vi.useFakeTimers();
  try {
    const looking = lookAround(Promise.resolve([sale]), new Promise(() => undefined));
    await vi.runAllTimersAsync();
    expect(await looking).toEqual(only);
  } finally {
    vi.useRealTimers();
  }
});
