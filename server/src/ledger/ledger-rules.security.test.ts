import { randomUUID, randomUUIDv7 } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FreshDatabase, freshDatabase } from '../../test/fresh-database.ts';
import { inTransaction, sqlState } from '../db/retry.ts';
import { openAccount, postTransfers } from './index.ts';

const INSUFFICIENT_PRIVILEGE = '42501';
const RESTRICT_VIOLATION = '23001';
const CHECK_VIOLATION = '23514';
const FOREIGN_KEY_VIOLATION = '23503';

let database: FreshDatabase;
let opening: string;
let wallet: string;
beforeAll(async () => {
  database = await freshDatabase();
  const ownerId = randomUUID();
  opening = await openAccount(database.db, { kind: 'opening', currency: 'SGD' });
  wallet = await openAccount(database.db, {
    kind: 'user_online',
    ownerId,
    holderId: ownerId,
    currency: 'SGD',
  });
  await inTransaction(database.db, (tx) =>
    postTransfers(tx, [
      {
        id: randomUUIDv7(),
        kind: 'opening',
        idempotencyKey: randomUUID(),
        reference: {},
        entries: [
          { accountId: opening, amountMinor: -100n },
          { accountId: wallet, amountMinor: 100n },
        ],
      },
    ]),
  );
});
afterAll(() => database.close());

async function stateOf(work: Promise<unknown>): Promise<string | undefined> {
  return work.then(
    () => 'no error',
    (error: unknown) => sqlState(error),
  );
}

describe("the application's role (R50)", () => {
  test.each([
    'update ledger_entries set amount_minor = 1',
    'delete from ledger_entries',
    'truncate ledger_entries cascade',
    'update ledger_transfers set kind = kind',
    'delete from ledger_transfers',
    "update ledger_accounts set kind = 'opening'",
    'delete from ledger_accounts',
    'delete from provider_events',
    'alter table ledger_entries disable trigger all',
    'drop trigger ledger_entries_append_only on ledger_entries',
  ])('may not: %s', async (statement) => {
    expect(await stateOf(database.db.execute(sql.raw(statement)))).toBe(INSUFFICIENT_PRIVILEGE);
  });
});

describe('even the owner of the tables (R50)', () => {
  test.each([
    'update ledger_entries set amount_minor = 1',
    'delete from ledger_entries',
    'truncate ledger_entries',
    'delete from ledger_transfers',
    'truncate ledger_accounts cascade',
    'update ledger_accounts set id = gen_random_uuid()',
    "update ledger_accounts set currency = 'EUR'",
  ])('is refused: %s', async (statement) => {
    expect(await stateOf(database.owner.unsafe(statement))).toBe(RESTRICT_VIOLATION);
  });

  test('cannot commit a transfer without entries', async () => {
    const insert = database.owner`
      insert into ledger_transfers (id, kind, idempotency_key, content_hash, reference)
      values (${randomUUIDv7()}, 'correction', ${randomUUID()}, '\\x00', '{}')`;
    expect(await stateOf(insert)).toBe(CHECK_VIOLATION);
  });

  test('cannot add entries that do not sum to zero', async () => {
    const [standing] = await database.owner<{ id: string }[]>`select id from ledger_transfers limit 1`;
    const fees = await openAccount(database.db, { kind: 'fees', currency: 'SGD' });
    const insert = database.owner`
      insert into ledger_entries (transfer_id, account_id, currency, amount_minor)
      values (${standing?.id ?? ''}, ${fees}, 'SGD', 5)`;
    expect(await stateOf(insert)).toBe(CHECK_VIOLATION);
  });

  test('cannot add entries to a transfer that stands, though they sum to zero', async () => {
    const [standing] = await database.owner<{ id: string }[]>`select id from ledger_transfers limit 1`;
    const [from, to] = await Promise.all(
      (['fees', 'guarantee_fund'] as const).map((kind) =>
        openAccount(database.db, { kind, currency: 'SGD' }),
      ),
    );
    const insert = database.owner`
      insert into ledger_entries (transfer_id, account_id, currency, amount_minor)
      values (${standing?.id ?? ''}, ${from ?? ''}, 'SGD', -5), (${standing?.id ?? ''}, ${to ?? ''}, 'SGD', 5)`;
    expect(await stateOf(insert)).toBe(CHECK_VIOLATION);
  });

  test.each([
    ['an account that is not there', (): readonly string[] => [randomUUID(), 'SGD']],
    ['an account in another currency than its own', () => [wallet, 'EUR']],
  ])('cannot add entries of %s', async (_, of) => {
    const [account = '', currency = ''] = of();
    const fees = await openAccount(database.db, { kind: 'fees', currency });
    const insert = database.owner`
      with t as (
        insert into ledger_transfers (id, kind, idempotency_key, content_hash, reference)
        values (${randomUUIDv7()}, 'correction', ${randomUUID()}, '\\x00', '{}') returning id
      )
      insert into ledger_entries (transfer_id, account_id, currency, amount_minor)
      select t.id, e.account::uuid, ${currency}, e.amount
      from t, (values (${account}, 5), (${fees}, -5)) as e (account, amount)`;
    expect(await stateOf(insert)).toBe(FOREIGN_KEY_VIOLATION);
  });

  test('cannot add entries of a transfer that is not there', async () => {
    const fees = await openAccount(database.db, { kind: 'fees', currency: 'SGD' });
    const insert = database.owner`
      insert into ledger_entries (transfer_id, account_id, currency, amount_minor)
      select ${randomUUIDv7()}::uuid, e.account::uuid, 'SGD', e.amount
      from (values (${wallet}, 5), (${fees}, -5)) as e (account, amount)`;
    expect(await stateOf(insert)).toBe(FOREIGN_KEY_VIOLATION);
  });

  test('cannot overdraw somebody', async () => {
    const update = database.owner`update ledger_accounts set balance_minor = -1 where id = ${wallet}`;
    expect(await stateOf(update)).toBe(CHECK_VIOLATION);
  });
});
