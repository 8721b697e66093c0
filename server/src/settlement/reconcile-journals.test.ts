import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SimulatedKiosk } from '../../test/simulated-kiosk.ts';
import { SimulatedPhone } from '../../test/simulated-phone.ts';
import { startTestServer, type TestServer } from '../../test/test-server.ts';
import { connect } from '../db/client.ts';
import { compareJournals, describeJournals, reconcileJournals } from './reconcile-journals.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
  const phone = await SimulatedPhone.withMoney(server, 5_000n);
  const kiosk = await SimulatedKiosk.open(server, await server.register('merchant', { agent: true }));
  const wallet = await phone.load(3_000n);
  for (const amount of [100n, 250n]) kiosk.sell(wallet, amount);
  await kiosk.settle();
  kiosk.sell(wallet, 70n);
  await kiosk.settle();
});
afterAll(() => server.close());

/** What somebody with the owner's rights could do; undone afterwards. */
async function faultsAfter(statement: string): Promise<string[]> {
  const asOwner = connect({ url: server.database.ownerUrl, maxConnections: 1 });
  let faults: string[] = [];
  const undone = new Error('undone');
  await asOwner.db
    .transaction(async (tx) => {
      // No trigger stops the owner who switches them off.
      await tx.execute(sql`set local session_replication_role = replica`);
      await tx.execute(sql.raw(statement));
      faults = (await compareJournals(tx)).faults.map(({ fault }) => fault);
      throw undone;
    })
    .catch((error: unknown) => expect(error).toBe(undone));
  await asOwner.close();
  return [...new Set(faults)].sort();
}

test('what kiosks signed agrees with what was posted', async () => {
  const result = await reconcileJournals(server.context.db);
  expect(result.faults).toEqual([]);
  expect(result.batchCount).toBe(2);
  expect(describeJournals(result)).toEqual([
    `2 signed batches with ${result.entryCount} journal entries agree with what was posted.`,
  ]);
});

test.each([
  [
    'update sales set amount_minor = amount_minor + 1 where sequence = (select min(sequence) from sales)',
    ['it signed another sum of sales than is stored'],
  ],
  [
    'delete from sales where sequence = (select max(sequence) from sales)',
    [
      'a sale of its journal was never decided',
      'it signed another number of sales than are stored',
      'it signed another sum of sales than is stored',
    ],
  ],
  [
    'update kiosk_journal set hash = sha256(hash) where sequence = (select max(sequence) from kiosk_journal)',
    [
      'its journal has a gap, or does not end where it was settled',
      'the head that it signed is not the entry that is stored',
    ],
  ],
  [
    "delete from ledger_entries where transfer_id in (select id from ledger_transfers where kind = 'offline_payment' limit 1)",
    ['what was credited for its payments is not what was decided'],
  ],
])('somebody who changes the books is found: %s', async (statement, faults) => {
  expect(await faultsAfter(statement)).toEqual(faults);
});
