/**
 * The statements that posting is made of: what stands, what accounts hold, what is written.
 *
 * Owns: their words, each with a parameter a column. Never: decides in which order they run.
 */
import { sql } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';
import { pgArray, pgPlainArray } from '../db/pg-array.ts';
import { executePrepared } from '../db/prepared.ts';
import { type AccountKind, GUARDED_KINDS } from '../db/schema/ledger.ts';
import type { HashedTransfer, LockedAccount, StandingTransfer } from './plan.ts';

interface AccountRow extends Record<string, unknown> {
  readonly id: string;
  readonly kind: AccountKind;
  readonly currency: string;
  readonly balance_minor: string;
}

const accountsOf = (rows: readonly AccountRow[]): Map<string, LockedAccount> =>
  new Map(
    rows.map((row) => [
      row.id,
      { kind: row.kind, currency: row.currency, balanceMinor: BigInt(row.balance_minor) },
    ]),
  );

/** All at once, in the order of their ids: two batches cannot deadlock on each other. */
export async function lockAccounts(tx: Tx, ids: Iterable<string>): Promise<Map<string, LockedAccount>> {
  const rows = await executePrepared<AccountRow>(
    tx,
    sql`
    select id, kind, currency, balance_minor from ledger_accounts
    where id = any(${pgPlainArray([...ids])}::uuid[]) order by id for no key update`,
  );
  return accountsOf(rows);
}

const GUARDED = sql.raw(GUARDED_KINDS.map((kind) => `'${kind}'`).join(', '));

/**
 * Locks as {@link lockAccounts} does.
 * @param debits of each account what is taken from it, negative or zero
 * @returns whether every guarded balance holds all that is taken from it
 */
export async function lockIfCovered(tx: Tx, debits: ReadonlyMap<string, bigint>): Promise<boolean> {
  const ids = pgPlainArray([...debits.keys()]);
  const [row] = await executePrepared<{ short: string; held: string }>(
    tx,
    sql`
    with locked as (
      select id, kind, balance_minor from ledger_accounts where id = any(${ids}::uuid[]) order by id for no key update
    )
    select count(*) as held, count(*) filter (where l.kind in (${GUARDED}) and l.balance_minor + d.debit < 0) as short
    from locked l join unnest(${ids}::uuid[], ${pgPlainArray([...debits.values()])}::bigint[]) as d (id, debit) on d.id = l.id`,
  );
  return row?.short === '0' && row.held === String(debits.size);
}

/** As they stand at this moment: nothing may be decided for good by their balances. */
export async function peekAtAccounts(tx: Tx, ids: Iterable<string>): Promise<Map<string, LockedAccount>> {
  const rows = await executePrepared<AccountRow>(
    tx,
    sql`
    select id, kind, currency, balance_minor from ledger_accounts where id = any(${pgPlainArray([...ids])}::uuid[])`,
  );
  return accountsOf(rows);
}

/** The transfers that stand under these keys already, by key. */
export async function findStanding(
  tx: Tx,
  hashed: readonly HashedTransfer[],
): Promise<Map<string, StandingTransfer>> {
  const keys = new Set(hashed.map(({ transfer }) => transfer.idempotencyKey));
  const rows = await executePrepared<{ id: string; idempotency_key: string; content_hash: string }>(
    tx,
    sql`
    select id, idempotency_key, encode(content_hash, 'hex') as content_hash from ledger_transfers
    where idempotency_key = any(${pgArray([...keys])}::text[])`,
  );
  return new Map(rows.map((row) => [row.idempotency_key, { id: row.id, contentHash: row.content_hash }]));
}

/** What is to be inserted, a parameter a column. */
export interface Columns {
  readonly ids: string;
  readonly kinds: string;
  readonly keys: string;
  readonly hashes: string;
  readonly references: string;
  readonly entryTransfers: string;
  readonly entryAccounts: string;
  readonly entryAmounts: string;
}

/** Transfers in the order of their keys, which is the order in which they are locked; entries in that of the batch. */
export function columnsOf(planned: readonly HashedTransfer[]): Columns {
  const byKey = planned.toSorted((a, b) => (a.transfer.idempotencyKey < b.transfer.idempotencyKey ? -1 : 1));
  const transfers = byKey.map((item) => item.transfer);
  const entries = planned.flatMap(({ transfer }) => transfer.entries);
  return {
    ids: pgPlainArray(transfers.map((t) => t.id)),
    kinds: pgPlainArray(transfers.map((t) => t.kind)),
    keys: pgArray(transfers.map((t) => t.idempotencyKey)),
    hashes: pgPlainArray(byKey.map((item) => item.contentHash)),
    references: JSON.stringify(transfers.map((t) => t.reference)),
    entryTransfers: pgPlainArray(planned.flatMap(({ transfer: t }) => t.entries.map(() => t.id))),
    entryAccounts: pgPlainArray(entries.map((entry) => entry.accountId)),
    entryAmounts: pgPlainArray(entries.map((entry) => entry.amountMinor)),
  };
}

const MOVED = sql.raw(`, moved as (
      update ledger_accounts a set balance_minor = a.balance_minor + d.delta
      from (select account_id, sum(amount_minor)::bigint as delta from wanted group by account_id) d
      where a.id = d.account_id
    )`);

/**
 * Transfers with their entries, and with `moves` the balances too.
 * @returns how many transfers were inserted: fewer when a key was taken meanwhile.
 */
export async function insertTransfers(
  tx: Tx,
  columns: Columns,
  { moves }: { readonly moves: boolean },
): Promise<number> {
  const [row] = await executePrepared<{ posted: string }>(
    tx,
    sql`
    with new_transfers as (
      insert into ledger_transfers (id, kind, idempotency_key, content_hash, reference)
      select t.id, t.kind, t.key, decode(t.hash, 'hex'), t.reference
      from rows from (
        unnest(${columns.ids}::uuid[], ${columns.kinds}::text[], ${columns.keys}::text[], ${columns.hashes}::text[]),
        jsonb_array_elements(${columns.references}::text::jsonb)
      ) as t (id, kind, key, hash, reference)
      on conflict (idempotency_key) do nothing
      returning id
    ), wanted as (
      select e.transfer_id, e.account_id, e.amount_minor, e.position
      from unnest(${columns.entryTransfers}::uuid[], ${columns.entryAccounts}::uuid[], ${columns.entryAmounts}::bigint[])
        with ordinality as e (transfer_id, account_id, amount_minor, position)
      where e.transfer_id in (select id from new_transfers)
    ), new_entries as (
      insert into ledger_entries (transfer_id, account_id, currency, amount_minor)
      select w.transfer_id, w.account_id, a.currency, w.amount_minor
      from wanted w join ledger_accounts a on a.id = w.account_id
      order by w.position
    )${moves ? MOVED : sql``}
    select count(*) as posted from new_transfers`,
  );
  return Number(row?.posted ?? 0);
}

/** Adds each account's sum to a balance that is locked. */
export async function moveBalances(tx: Tx, deltas: ReadonlyMap<string, bigint>): Promise<void> {
  const moved = [...deltas].filter(([, delta]) => delta !== 0n);
  await executePrepared(
    tx,
    sql`
    update ledger_accounts a set balance_minor = a.balance_minor + d.delta
    from unnest(
      ${pgPlainArray(moved.map(([id]) => id))}::uuid[],
      ${pgPlainArray(moved.map(([, delta]) => delta))}::bigint[]
    ) as d (id, delta)
    where a.id = d.id`,
  );
}
