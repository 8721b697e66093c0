import { randomUUID, randomUUIDv7 } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FreshDatabase, freshDatabase } from '../../test/fresh-database.ts';
import { inTransaction } from '../db/retry.ts';
import { formatMinor, openAccount, postTransfers, printLedger, reconcile } from './index.ts';

let database: FreshDatabase;
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database.close());

describe('amounts (R51)', () => {
  test.each([
    [1250n, 'SGD', '12.50'],
    [-5n, 'SGD', '-0.05'],
    [1234567n, 'JPY', '1,234,567'],
    [1234567n, 'KWD', '1,234.567'],
    [0n, 'SGD', '0.00'],
    [9007199254740993n, 'SGD', '90,071,992,547,409.93'],
  ])('%s minor units of %s are %s', (amount, currency, text) => {
    expect(formatMinor(amount, currency)).toBe(text);
  });

  test('every digit of every amount is in its text', () => {
    fc.assert(
      fc.property(
        fc.bigInt(-(10n ** 18n), 10n ** 18n),
        fc.constantFrom('SGD', 'JPY', 'KWD'),
        (amount, currency) => {
          const digits = formatMinor(amount, currency).replaceAll(/[.,]/g, '');
          expect(BigInt(digits)).toBe(amount);
        },
      ),
    );
  });
});

test('the table shows every account with its balance and says that the ledger is sound', async () => {
  const ownerId = randomUUID();
  const opening = await openAccount(database.db, { kind: 'opening', currency: 'SGD' });
  const wallet = await openAccount(database.db, {
    kind: 'user_online',
    ownerId,
    holderId: ownerId,
    currency: 'SGD',
  });
  const entries = [
    { accountId: opening, amountMinor: -1250n },
    { accountId: wallet, amountMinor: 1250n },
  ];
  const transfer = {
    id: randomUUIDv7(),
    kind: 'opening',
    idempotencyKey: randomUUID(),
    reference: {},
    entries,
  } as const;
  await inTransaction(database.db, (tx) => postTransfers(tx, [transfer]));
  expect(await printLedger(database.db)).toBe(
    [
      'account                  of  entries  balance',
      '-----------------------  --  -------  -------  ---',
      'opening                  -         1   -12.50  SGD',
      'customer, online wallet  -         1    12.50  SGD',
      '',
      'sum of all entries: 0.00 SGD',
      '1 transfers, 2 entries',
      'The ledger is sound: every balance is the sum of its entries.',
    ].join('\n'),
  );
});

test('a balance that is not the sum of its entries is found', async () => {
  await database.owner`update ledger_accounts set balance_minor = balance_minor + 1 where kind = 'user_online'`;
  const result = await reconcile(database.db);
  expect(result.sound).toBe(false);
  expect(result.wrongBalances).toMatchObject([{ keptMinor: 1251n, summedMinor: 1250n }]);
  expect(await printLedger(database.db)).toContain('THE LEDGER IS NOT SOUND');
});
