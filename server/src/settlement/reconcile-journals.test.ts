import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SimulatedKiosk } from '../../test/simulated-kiosk.ts';
import { SimulatedPhone } from '../../test/simulated-phone.ts';
import { startTestServer, type TestServer } from '../../test/test-server.ts';
import { connect } from '../db/client.ts';
import { sqlState } from '../db/retry.ts';
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
  [
    'update payments set allowance_id = gen_random_uuid() where counter = 1',
    ['its rows name a machine, a kiosk or an allowance that is not there'],
  ],
])('somebody who changes the books is found: %s', async (statement, faults) => {
  expect(await faultsAfter(statement)).toEqual(faults);
});

test.each([
  ['kiosk_journal', 'enrolment_id'],
  ['payments', 'enrolment_id'],
  ['payments', 'allowance_id'],
  ['sales', 'enrolment_id'],
  ['sales', 'kiosk_id'],
])('a row of %s without its %s is refused, and so is what takes it away', async (table, column) => {
  const asOwner = connect({ url: server.database.ownerUrl, maxConnections: 1 });
  const refused = async (statement: string) => {
    const error: unknown = await asOwner.db.execute(sql.raw(statement)).catch((cause: unknown) => cause);
    return sqlState(error);
  };
  // A copy of a row that is there, with another identity and a parent that is not.
  const changes: Readonly<Record<string, string>> = {
    [column]: 'gen_random_uuid()',
    sequence: 'sequence + 1000',
    ...(table === 'payments' ? { payment_hash: 'sha256(payment_hash)' } : {}),
  };
  const columns = await asOwner.db.execute<{ name: string }>(sql`
    select column_name as name from information_schema.columns
    where table_name = ${table} and is_identity = 'NO' order by ordinal_position`);
  const names = columns.map(({ name }) => name);
  const values = names.map((name) => changes[name] ?? name);
  const parents = { enrolment_id: 'kiosk_enrolments', allowance_id: 'allowances', kiosk_id: 'kiosks' };
  const [, parent = ''] = Object.entries(parents).find(([name]) => name === column) ?? [];
  expect(
    await refused(`insert into ${table} (${names.join()}) select ${values.join()} from ${table} limit 1`),
  ).toBe('23503');
  expect(await refused(`update ${table} set ${column} = gen_random_uuid()`)).toBe('23001');
  expect(await refused(`delete from ${parent} where id in (select ${column} from ${table})`)).toBe('23503');
  await asOwner.close();
});
