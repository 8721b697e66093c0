/** What one statement may put into the ledger, whoever writes: the odd one of several is found, and said what it is. */
import { randomUUID, randomUUIDv7 } from 'node:crypto';
import type { TransactionSql } from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { allowTemporary, type FreshDatabase, freshDatabase } from '../../test/fresh-database.ts';
import { pgPlainArray } from '../db/pg-array.ts';
import { sqlState } from '../db/retry.ts';
import { openAccount } from './index.ts';

const CHECK_VIOLATION = '23514';
const FOREIGN_KEY_VIOLATION = '23503';
const UNIQUE_VIOLATION = '23505';
const INSUFFICIENT_PRIVILEGE = '42501';

type Entry = readonly [transfer: string, account: string, currency: string, amountMinor: number];
interface Statement {
  readonly transfers: readonly string[];
  readonly entries: readonly Entry[];
}

let database: FreshDatabase;
const person = randomUUID();
const accounts = { wallet: '', fees: '', fund: '', feesEur: '', fundEur: '' };
beforeAll(async () => {
  database = await freshDatabase();
  const open = (account: Parameters<typeof openAccount>[1]) => openAccount(database.db, account);
  accounts.wallet = await open({
    ...{ kind: 'user_online', currency: 'SGD' },
    ...{ ownerId: person, holderId: person },
  });
  accounts.fees = await open({ kind: 'fees', currency: 'SGD' });
  accounts.fund = await open({ kind: 'guarantee_fund', currency: 'SGD' });
  accounts.feesEur = await open({ kind: 'fees', currency: 'EUR' });
  accounts.fundEur = await open({ kind: 'guarantee_fund', currency: 'EUR' });
});
afterAll(() => database.close());

/** Both tables in one statement, as the product writes them. */
const write = (tx: TransactionSql, { transfers, entries }: Statement) => tx`
  with t as (
    insert into ledger_transfers (id, kind, idempotency_key, content_hash, reference)
    select id, 'correction', id::text, '\\x00', '{}' from unnest(${pgPlainArray(transfers)}::uuid[]) as id
  )
  insert into ledger_entries (transfer_id, account_id, currency, amount_minor)
  select * from unnest(
    ${pgPlainArray(entries.map(([transfer]) => transfer))}::uuid[],
    ${pgPlainArray(entries.map(([, account]) => account))}::uuid[],
    ${pgPlainArray(entries.map(([, , currency]) => currency))}::text[],
    ${pgPlainArray(entries.map(([, , , amountMinor]) => amountMinor))}::bigint[]
  )`;

async function as(role: string, ...work: readonly ((tx: TransactionSql) => Promise<unknown>)[]) {
  return database.owner
    .begin(async (tx) => {
      if (role !== 'owner') await tx`select set_config('role', ${role}, true)`;
      await tx`select set_config('app.user', ${person}, true)`;
      for (const step of work) await step(tx);
    })
    .then(
      () => ({ state: 'written', message: '' }),
      (error: unknown) => ({ state: sqlState(error), message: error instanceof Error ? error.message : '' }),
    );
}

const [X, Y] = ['x', 'y'];
const WRITTEN = { state: 'written', message: '' };
const pair = (transfer: string): readonly Entry[] => [
  [transfer, 'wallet', 'SGD', -1],
  [transfer, 'fees', 'SGD', 1],
];

/** Names of transfers and accounts as ids of their own. */
function named({ transfers, entries }: Statement): Statement {
  const ids = new Map<string, string>();
  const idOf = (name: string) => {
    const id = ids.get(name) ?? randomUUIDv7();
    ids.set(name, id);
    return id;
  };
  const known = new Map(Object.entries(accounts));
  return {
    transfers: transfers.map(idOf),
    entries: entries.map(([transfer, account, currency, amountMinor]) => [
      idOf(transfer),
      known.get(account) ?? idOf(account),
      currency,
      amountMinor,
    ]),
  };
}

const FINE: readonly (readonly [string, Statement])[] = [
  ['nothing', { transfers: [], entries: [] }],
  ['two transfers', { transfers: [X, Y], entries: [...pair(X), ...pair(Y)] }],
  [
    'a transfer in two currencies, each zero in sum',
    {
      transfers: [X, Y],
      entries: [...pair(X), [X, 'feesEur', 'EUR', -5], [X, 'fundEur', 'EUR', 5], ...pair(Y)],
    },
  ],
];

const ODD: readonly (readonly [string, Statement, string | undefined, RegExp])[] = [
  ['a transfer alone', { transfers: [X], entries: [] }, CHECK_VIOLATION, /has 0 entries/],
  [
    'a transfer without entries beside one with them',
    { transfers: [X, Y], entries: pair(X) },
    ...[CHECK_VIOLATION, /has 0 entries/],
  ] as const,
  [
    'entries without their transfer',
    { transfers: [], entries: pair(X) },
    ...[FOREIGN_KEY_VIOLATION, /names transfer .*, which is not there/],
  ] as const,
  [
    'entries of one transfer that is there and one that is not',
    { transfers: [X], entries: [...pair(X), ...pair(Y)] },
    ...[FOREIGN_KEY_VIOLATION, /names transfer .*, which is not there/],
  ] as const,
  [
    'one entry',
    { transfers: [X, Y], entries: [...pair(X), [Y, 'fees', 'SGD', 1]] },
    ...[CHECK_VIOLATION, /sum to 1 SGD, not to zero/],
  ] as const,
  [
    'two transfers that sum to zero only together',
    {
      transfers: [X, Y],
      entries: [
        ...([
          [X, 'wallet', 'SGD', -3],
          [X, 'fees', 'SGD', 2],
        ] as const),
        ...([
          [Y, 'wallet', 'SGD', -1],
          [Y, 'fees', 'SGD', 2],
        ] as const),
      ],
    },
    ...[CHECK_VIOLATION, /sum to -?1 SGD, not to zero/],
  ] as const,
  [
    'currencies that sum to zero only together',
    {
      transfers: [X],
      entries: [
        [X, 'fees', 'SGD', -1],
        [X, 'feesEur', 'EUR', 1],
      ],
    },
    ...[CHECK_VIOLATION, /sum to -?1 (SGD|EUR), not to zero/],
  ] as const,
  [
    'an account in another currency than its own',
    { transfers: [X, Y], entries: [...pair(X), [Y, 'fees', 'EUR', 1], [Y, 'fundEur', 'EUR', -1]] },
    ...[FOREIGN_KEY_VIOLATION, /names account .* in EUR, which is not there/],
  ] as const,
  [
    'an account twice in a transfer',
    { transfers: [X], entries: [...pair(X), [X, 'fund', 'SGD', 2], [X, 'fund', 'SGD', -2]] },
    ...[UNIQUE_VIOLATION, /ledger_entries_once/],
  ] as const,
  [
    'an entry of nothing',
    { transfers: [X], entries: [...pair(X), [X, 'fund', 'SGD', 0]] },
    ...[CHECK_VIOLATION, /ledger_entries_not_zero/],
  ] as const,
];

describe.each(['owner', 'tiki_app', 'tiki_worker', 'tiki_member'])('one statement of %s (R50)', (role) => {
  test.each(FINE)('may write %s', async (_, statement) => {
    expect(await as(role, (tx) => write(tx, named(statement)))).toEqual(WRITTEN);
  });

  test.each(ODD)('is refused: %s', async (_, statement, state, message) => {
    const refused = await as(role, (tx) => write(tx, named(statement)));
    expect(refused).toEqual({ state, message: expect.stringMatching(message) });
  });

  test('is refused: an account that is not there', async () => {
    const entries: readonly Entry[] = [...pair(X), [Y, 'nobody', 'SGD', 1], [Y, 'fees', 'SGD', -1]];
    const { state } = await as(role, (tx) => write(tx, named({ transfers: [X, Y], entries })));
    // A member's policy asks for the account of each row before.
    expect(state).toBe(role === 'tiki_member' ? INSUFFICIENT_PRIVILEGE : FOREIGN_KEY_VIOLATION);
  });

  test('is refused: more entries of a transfer that stands, though of the same transaction, and beside a new one', async () => {
    const first = named({ transfers: [X], entries: pair(X) });
    const [standing = ''] = first.transfers;
    const more: readonly Entry[] = [
      [standing, accounts.feesEur, 'EUR', 2],
      [standing, accounts.fundEur, 'EUR', -2],
    ];
    const beside = named({ transfers: [Y], entries: pair(Y) });
    const late = { transfers: beside.transfers, entries: [...beside.entries, ...more] };
    const refused = await as(
      role,
      (tx) => write(tx, first),
      (tx) => write(tx, late),
    );
    expect(refused).toEqual({
      state: CHECK_VIOLATION,
      message: `transfer ${standing} has its entries already`,
    });
  });
});

describe('a temporary table under the name of one of the ledger (R50)', () => {
  beforeAll(() => allowTemporary(database));

  test.each([
    ['ledger_accounts', 'id uuid, currency char(3)', FOREIGN_KEY_VIOLATION],
    ['ledger_entries', 'transfer_id uuid', CHECK_VIOLATION],
  ])('stands for nothing: %s', async (name, columns, state) => {
    const nobody = randomUUID();
    const transfer = randomUUIDv7();
    const refused = await as('tiki_app', async (tx) => {
      await tx.unsafe(`create temporary table ${name} (${columns}) on commit drop`);
      await tx.unsafe(`grant select on ${name} to public`);
      if (name === 'ledger_accounts')
        await tx`insert into pg_temp.ledger_accounts values (${nobody}, 'SGD'), (${accounts.fees}, 'SGD')`;
      else await tx`insert into pg_temp.ledger_entries values (${transfer})`;
      await tx`
        with t as (
          insert into public.ledger_transfers (id, kind, idempotency_key, content_hash, reference)
          values (${transfer}, 'correction', ${transfer}, '\\x00', '{}')
        )
        insert into public.ledger_entries (transfer_id, account_id, currency, amount_minor)
        select ${transfer}::uuid, e.account::uuid, 'SGD', e.amount
        from (values (${nobody}, 1), (${accounts.fees}, -1)) as e (account, amount)
        where ${name === 'ledger_accounts'}`;
    });
    expect(refused.state).toBe(state);
  });
});
