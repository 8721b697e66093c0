import type { TransactionSql } from 'postgres';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SimulatedKiosk } from '../../test/simulated-kiosk.ts';
import { SimulatedPhone } from '../../test/simulated-phone.ts';
import { startTestServer, type TestServer } from '../../test/test-server.ts';
import { connect } from '../db/client.ts';
import { sqlState } from '../db/retry.ts';
import { exportJournal } from './journal-export.ts';
import { compareJournals, describeJournals, reconcileJournals } from './reconcile-journals.ts';

let server: TestServer;
let kiosk: SimulatedKiosk;
let wallet: Awaited<ReturnType<SimulatedPhone['load']>>;
beforeAll(async () => {
  server = await startTestServer();
  const phone = await SimulatedPhone.withMoney(server, 5_000n);
  kiosk = await SimulatedKiosk.open(server, await server.register('merchant', { agent: true }));
  wallet = await phone.load(3_000n);
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
    'update journal_pieces set entries = set_byte(entries, ends[1] - 1, get_byte(entries, ends[1] - 1) # 1) where to_sequence = (select max(to_sequence) from journal_pieces)',
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
    [
      'its rows name a machine, a kiosk or an allowance that is not there',
      'what was credited for its payments is not what was decided',
    ],
  ],
  [
    "delete from ledger_entries where amount_minor < 0 and transfer_id in (select id from ledger_transfers where kind = 'offline_payments')",
    ['what was credited for its payments is not what was decided'],
  ],
  [
    'update payments set transfer_id = null where counter = 1',
    ['what was credited for its payments is not what was decided'],
  ],
  [
    'update payments set from_reserve_minor = from_reserve_minor - 1, from_guarantee_minor = 1 where counter = 1',
    ['what was credited for its payments is not what was decided'],
  ],
  [
    `update payments set transfer_id = (select id from ledger_transfers where kind = 'offline_payment') where transfer_id is not null`,
    ['what was credited for its payments is not what was decided'],
  ],
  [
    `insert into ledger_transfers (id, kind, idempotency_key, content_hash, reference)
      select gen_random_uuid(), 'offline_payments', 'offline_payments:none', '', reference from ledger_transfers where kind = 'offline_payments'`,
    ['what was credited for its payments is not what was decided'],
  ],
  [
    `with t as (insert into ledger_transfers (id, kind, idempotency_key, content_hash, reference)
        select gen_random_uuid(), 'offline_payment', 'offline_payment:' || encode(payment_hash, 'hex'), '', '{}'
        from payments where counter = 1 returning id)
      insert into ledger_entries (transfer_id, account_id, currency, amount_minor)
      select t.id, e.account_id, e.currency, e.amount_minor from t, ledger_entries e
      where e.transfer_id in (select transfer_id from payments)`,
    ['what was credited for its payments is not what was decided'],
  ],
])('somebody who changes the books is found: %s', async (statement, faults) => {
  expect(await faultsAfter(statement)).toEqual(faults);
});

test.each([
  ['journal_pieces', 'enrolment_id'],
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
    ...(table === 'journal_pieces'
      ? { from_sequence: 'from_sequence + 1000', to_sequence: 'to_sequence + 1000' }
      : { sequence: 'sequence + 1000' }),
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
  // An allowance never goes (0049_allowances_stay.sql); the others may while no row names them.
  expect(await refused(`delete from ${parent} where id in (select ${column} from ${table})`)).toBe(
    parent === 'allowances' ? '23001' : '23503',
  );
  await asOwner.close();
});

test.each([
  ['that is not there', 'gen_random_uuid()', '23503'],
  ['of another kind', "(select id from ledger_transfers where kind = 'offline_payment')", '23503'],
  ['that paid others', 'transfer_id', '23514'],
])('a payment that names a transfer %s is refused', async (_what, transfer, state) => {
  const asOwner = connect({ url: server.database.ownerUrl, maxConnections: 1 });
  // The amount is what that transfer credited: that it was posted for others is what is wrong.
  const twin = asOwner.db.execute(
    sql.raw(`insert into payments (payment_hash, allowance_id, enrolment_id, sequence, merchant_id, counter, amount_minor, cumulative_minor,
        bytes, outcome, from_reserve_minor, from_guarantee_minor, settled_at, transfer_id)
      select sha256(payment_hash), allowance_id, enrolment_id, sequence + 1000, merchant_id, counter + 1000, 350, 350,
        bytes, outcome, 350, 0, settled_at, ${transfer} from payments where transfer_id is not null limit 1`),
  );
  expect(await twin.then(() => 'no error', sqlState)).toBe(state);
  await asOwner.close();
});

test('a transfer that payments name stays theirs', async () => {
  const asOwner = connect({ url: server.database.ownerUrl, maxConnections: 1 });
  for (const statement of [
    'update payments set transfer_id = null where transfer_id is not null',
    "update ledger_transfers set id = gen_random_uuid() where kind = 'offline_payments'",
    "delete from ledger_transfers where kind = 'offline_payments'",
  ])
    await expect(asOwner.db.execute(sql.raw(statement))).rejects.toThrow();
  await asOwner.close();
});

/** The machine's first piece, as a release before pieces stored its entries. */
const AS_BEFORE = `
  with moved as (delete from journal_pieces where from_sequence = 1 returning enrolment_id, to_sequence)
  insert into kiosk_journal (enrolment_id, sequence, hash, kind, bytes, recorded_at, received_at)
  select m.enrolment_id, j.sequence, j.hash, j.kind, j.bytes, now(), now()
  from moved m cross join lateral journal_between(m.enrolment_id, 1, m.to_sequence) j`;

test('entries that a release before stored one by one and those in pieces are one journal', async () => {
  const exported = async () => {
    const pieces: Uint8Array[] = [];
    await exportJournal(server.context.db, kiosk.kioskId, (piece) => pieces.push(piece));
    return Buffer.concat(pieces);
  };
  const before = await exported();
  const { owner } = server.database;
  await owner.begin(async (tx) => {
    await tx`set local session_replication_role = replica`;
    await tx.unsafe(AS_BEFORE);
  });
  expect((await exported()).equals(before)).toBe(true);
  kiosk.sell(wallet, 30n);
  await kiosk.settle();
  expect(await reconcileJournals(server.context.db)).toMatchObject({ sound: true, batchCount: 3 });
});

test.each([
  [
    'journal_pieces',
    'enrolment_id, to_sequence - cardinality(ends), to_sequence - 1, entries, ends, kinds, received_at',
  ],
  ['kiosk_journal', 'enrolment_id, to_sequence, sha256(entries), 1, entries, received_at, received_at'],
])('an entry of %s cannot come beside one of the same sequence', async (table, columns) => {
  const asOwner = connect({ url: server.database.ownerUrl, maxConnections: 1 });
  const twin = asOwner.db.execute(
    sql.raw(`insert into ${table} select ${columns} from journal_pieces where from_sequence > 1 limit 1`),
  );
  expect(await twin.then(() => 'no error', sqlState)).toBe('23505');
  await asOwner.close();
});

/** What stands in the journal of a till that hands in each sale by itself, brought back in one statement as a backup does. */
test('many pieces of one machine come back together without each looking at all the others', async () => {
  const count = 1_000;
  const { owner } = server.database;
  const looks = (tx: TransactionSql) => tx<{ n: string }[]>`
    select pg_stat_get_xact_tuples_returned('journal_pieces_enrolment_id_to_sequence_pk'::regclass) as n`;
  const rolledBack = new Error('rolled back');
  const read = Promise.withResolvers<number>();
  const restoring = owner.begin(async (tx) => {
    const add = (table: string, columns: string) =>
      tx.unsafe(`insert into ${table} select ${columns} from journal_pieces cross join generate_series(1, ${count}) i
        where enrolment_id = (select enrolment_id from journal_pieces limit 1) and from_sequence = (select max(from_sequence)
          from journal_pieces where enrolment_id = (select enrolment_id from journal_pieces limit 1))`);
    const before = Number((await looks(tx))[0]?.n);
    await add(
      'journal_pieces',
      `enrolment_id, 100000 + i * 2, 100000 + i * 2, substring(entries for ends[1]), ends[1:1], substring(kinds for 1), received_at`,
    );
    await add(
      'kiosk_journal',
      `enrolment_id, 100000 + i * 2 - 1, sha256(entries), 1, entries, received_at, received_at`,
    );
    read.resolve(Number((await looks(tx))[0]?.n) - before);
    throw rolledBack;
  });
  await expect(restoring).rejects.toBe(rolledBack);
  // A few for each row, not as many as there are rows: that would be half a million.
  expect(await read.promise).toBeGreaterThan(count);
  expect(await read.promise).toBeLessThan(20 * count);
});
