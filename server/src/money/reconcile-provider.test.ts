import { afterAll, beforeAll, expect, test } from 'vitest';
import { type FreshDatabase, freshDatabase } from '../../test/fresh-database.ts';
import { describeDifferences, reconcileProvider } from './reconcile-provider.ts';

let database: FreshDatabase;
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database.close());

test('a difference has a code that a page translates, and a sentence in English for a terminal', async () => {
  const money = { readOwnBalance: () => Promise.resolve(5n), readAccountBalance: () => Promise.resolve(0n) };
  const found = await reconcileProvider({ db: database.db, money }, 'SGD');
  expect(found).toEqual([{ code: 'held_for_us', accountId: null, expectedMinor: 0n, foundMinor: 5n }]);
  expect(describeDifferences(found, 'SGD')).toEqual([
    'held for us, in the ledger and at Stripe: 0.00 and 0.05 SGD  <- DIFFER',
  ]);
  expect(
    describeDifferences(
      [{ code: 'account_at_stripe', accountId: 'acct_1', expectedMinor: 1n, foundMinor: 2n }],
      'SGD',
    ),
  ).toEqual(['account acct_1, by withdrawals and at Stripe: 0.01 and 0.02 SGD  <- DIFFER']);
});
