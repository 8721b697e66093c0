/** Databases of earlier versions are carried over, record by record. */
import 'fake-indexeddb/auto';
import { openDB } from 'idb';
import { expect, test } from 'vitest';
import { openWalletDatabase } from './database.ts';
import { MIGRATIONS, type WalletSchema } from './schema.ts';

test('what a wallet of the first version holds keeps its records, and says that it lacks what came later', async () => {
  const old = await openDB<WalletSchema>('grown', 1, {
    upgrade: (database, _old, _new, transaction) => MIGRATIONS[0]?.(database, transaction),
  });
  const payment = (counter: number) => ({
    id: `p${counter}`,
    allowanceId: 'a',
    counter,
    requestHash: `r${counter}`,
    userId: 'u',
  });
  // Records as they were: without the fields that came later.
  const raw = old.transaction(['payments', 'allowances'], 'readwrite');
  for (const counter of [1, 2, 3]) await raw.objectStore('payments').add(payment(counter) as never);
  await raw.objectStore('allowances').add({ id: 'a', userId: 'u' } as never);
  await raw.done;
  old.close();
  const grown = await openWalletDatabase('grown');
  const later = { request: null, kioskId: null, handedIn: null };
  expect(await grown.getAll('payments')).toEqual(
    [1, 2, 3].map((counter) => ({ ...payment(counter), ...later })),
  );
  expect(await grown.getAll('allowances')).toMatchObject([{ id: 'a', deniedFor: null }]);
  grown.close();
});
