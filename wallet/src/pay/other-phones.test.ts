/** What is on other phones, and which denials a person has not read. */
import { expect, test } from 'vitest';
import type { Allowance, WalletView } from '@tikiwallet/server/contract';
import type { StoredAllowance } from '../store/schema.ts';
import { denialNews, otherPhones } from './other-phones.ts';

function load(id: string, changes: Partial<Allowance> = {}): Allowance {
  return {
    id,
    status: 'active',
    deniedFor: null,
    currency: 'SGD',
    capMinor: '500',
    settledMinor: '0',
    reservedMinor: '500',
    returnedMinor: '0',
    settledCounter: 0,
    notBefore: '2026-11-01T00:00:00.000Z',
    notAfter: '2026-11-04T00:00:00.000Z',
    certificate: '',
    phoneSalt: '',
    devicePublicKey: 'A',
    returnsBy: null,
    ...changes,
  };
}
const view = (...allowances: Allowance[]): WalletView => ({
  currency: 'SGD',
  onlineMinor: '0',
  offlineMinor: '0',
  allowances,
  asOf: '2026-11-02T00:00:00.000Z',
});
const own = (id: string) => ({ id }) as StoredAllowance;

test('loads that this phone does not hold are gathered by the phone that does', () => {
  const lost = load('b2', { status: 'denied', deniedFor: 'lost', returnsBy: '2026-11-11T00:00:00.000Z' });
  const phones = otherPhones(
    view(load('mine'), load('b1'), lost, load('c', { devicePublicKey: 'C', reservedMinor: '30' })),
    [own('mine')],
  );
  expect(
    phones.map((phone) => [phone.id, phone.reservedMinor, phone.spendable.map((one) => one.id)]),
  ).toEqual([
    ['A', 1_000n, ['b1']],
    ['C', 30n, ['c']],
  ]);
  expect(phones[0]?.returnsBy).toBe('2026-11-11T00:00:00.000Z');
});

test('what holds no money any more is on no phone', () => {
  expect(otherPhones(view(load('gone', { reservedMinor: '0' })), [])).toEqual([]);
  expect(otherPhones(null, [])).toEqual([]);
});

test('a denial is news until it was read; closing a load is none', () => {
  const twice = load('t', { status: 'denied', deniedFor: 'double_spend' });
  const closed = load('c', { status: 'denied', deniedFor: 'closing' });
  expect(denialNews(view(twice, closed, load('a')), [])).toEqual([twice]);
  expect(denialNews(view(twice), ['t'])).toEqual([]);
});
