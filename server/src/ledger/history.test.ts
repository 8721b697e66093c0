import { randomUUID, randomUUIDv7 } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type FreshDatabase, freshDatabase } from '../../test/fresh-database.ts';
import { inTransaction } from '../db/retry.ts';
import { type NewTransfer, openAccount, postDecided, readHistory } from './index.ts';

let database: FreshDatabase;
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database.close());

test('a payment is named by its hash, whether its reference repeats it, as earlier releases wrote it, or only its key', async () => {
  const holderId = randomUUID();
  const pocket = { kind: 'user_online', ownerId: holderId, holderId, currency: 'SGD' } as const;
  const [from, to] = [
    await openAccount(database.db, { kind: 'opening', currency: 'SGD' }),
    await openAccount(database.db, pocket),
  ];
  const hashes = ['aa'.repeat(32), 'bb'.repeat(32)] as const;
  const paid = (hash: string, reference: NewTransfer['reference']): NewTransfer => ({
    id: randomUUIDv7(),
    kind: 'offline_payment',
    idempotencyKey: `offline_payment:${hash}`,
    reference,
    entries: [
      { accountId: from, amountMinor: -1n },
      { accountId: to, amountMinor: 1n },
    ],
  });
  const other: NewTransfer = {
    ...paid('', { note: 'no payment' }),
    kind: 'user_transfer',
    idempotencyKey: 'x:y',
  };
  await inTransaction(database.db, (tx) =>
    postDecided(
      tx,
      [paid(hashes[0], { paymentHash: hashes[0] }), paid(hashes[1], { kioskName: 'Till 1' }), other],
      'SGD',
    ),
  );
  const page = await inTransaction(database.db, (tx) => readHistory(tx, { holderId, limit: 10 }));
  expect(page.entries.map(({ reference }) => reference)).toEqual([
    { note: 'no payment' },
    { kioskName: 'Till 1', paymentHash: hashes[1] },
    { paymentHash: hashes[0] },
  ]);
});
