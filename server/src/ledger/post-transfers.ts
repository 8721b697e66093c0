/**
 * The only statement of the system that moves money between ledger accounts.
 *
 * Owns: locks, idempotency, entries and balances of a batch, in a fixed number of statements whatever its size.
 * Never: opens a transaction of its own (the caller's decides what else commits with the money), never calls out.
 *
 * Under READ COMMITTED each statement has a snapshot of its own, and the order here is the argument:
 * 1. the keys are looked up, and all that can be made ready is: nobody waits for us yet;
 * 2. all accounts of the batch are locked, in id order, so two batches cannot deadlock on each other;
 * 3. transfers, entries and balances are written by one statement from what was really inserted. A key that another
 *    connection took after it was looked up makes the count differ, and the whole transaction is run again: then it is seen.
 */
import { sql } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';
import { pgArray, pgPlainArray } from '../db/pg-array.ts';
import { executePrepared } from '../db/prepared.ts';
import { RetryTransaction } from '../db/retry.ts';
import type { AccountKind } from '../db/schema/ledger.ts';
import { publish } from '../observe/facts.ts';
import {
  contentHash,
  type HashedTransfer,
  type LockedAccount,
  type NewTransfer,
  type PostResult,
  plan,
  type StandingTransfer,
} from './plan.ts';

/**
 * Posts a batch inside the caller's transaction, which must run through `inTransaction` so that it can be retried.
 *
 * Transfers are judged in the order given. One that lacks funds, or whose key stands for other money, is answered
 * and leaves no trace; the others post. Posting the same batch again posts nothing and answers `already_posted`.
 * @returns one result per transfer, in order.
 * @throws LedgerError for a batch that no ledger can hold (unbalanced, unknown account): a programmer's error.
 */
export async function postTransfers(tx: Tx, transfers: readonly NewTransfer[]): Promise<PostResult[]> {
  if (transfers.length === 0) return [];
  const hashed = transfers.map((transfer) => ({ transfer, contentHash: contentHash(transfer) }));
  const whole = columnsOf(hashed);
  const looking = findStanding(tx, transfers);
  const locking = lockAccounts(tx, transfers);
  const [standing, accounts] = await Promise.all([looking, locking]);
  const { results, toPost } = plan(hashed, accounts, standing);
  if (toPost.length > 0) {
    const inserted = await insertPlanned(tx, toPost.length === hashed.length ? whole : columnsOf(toPost));
    if (inserted !== toPost.length) throw new RetryTransaction('an idempotency key was taken meanwhile');
    tellPosted(toPost);
  }
  return [...results];
}

function tellPosted(posted: readonly HashedTransfer[]): void {
  const counts = new Map<string, number>();
  for (const { transfer } of posted) counts.set(transfer.kind, (counts.get(transfer.kind) ?? 0) + 1);
  for (const [kind, count] of counts) publish('posted', { kind, count });
}

async function lockAccounts(tx: Tx, transfers: readonly NewTransfer[]): Promise<Map<string, LockedAccount>> {
  const ids = new Set(transfers.flatMap((transfer) => transfer.entries.map((entry) => entry.accountId)));
  const rows = await executePrepared<{
    id: string;
    kind: AccountKind;
    currency: string;
    balance_minor: string;
  }>(
    tx,
    sql`
    select id, kind, currency, balance_minor from ledger_accounts
    where id = any(${pgPlainArray([...ids])}::uuid[]) order by id for no key update`,
  );
  return new Map(
    rows.map((row) => [
      row.id,
      { kind: row.kind, currency: row.currency, balanceMinor: BigInt(row.balance_minor) },
    ]),
  );
}

async function findStanding(
  tx: Tx,
  transfers: readonly NewTransfer[],
): Promise<Map<string, StandingTransfer>> {
  const keys = new Set(transfers.map((transfer) => transfer.idempotencyKey));
  const rows = await executePrepared<{ id: string; idempotency_key: string; content_hash: string }>(
    tx,
    sql`
    select id, idempotency_key, encode(content_hash, 'hex') as content_hash from ledger_transfers
    where idempotency_key = any(${pgArray([...keys])}::text[])`,
  );
  return new Map(rows.map((row) => [row.idempotency_key, { id: row.id, contentHash: row.content_hash }]));
}

/** What is to be inserted, a parameter a column. */
interface Columns {
  readonly ids: string;
  readonly kinds: string;
  readonly keys: string;
  readonly hashes: string;
  readonly references: string;
  readonly entryTransfers: string;
  readonly entryAccounts: string;
  readonly entryAmounts: string;
}

function columnsOf(planned: readonly HashedTransfer[]): Columns {
  const transfers = planned.map((item) => item.transfer);
  const entries = transfers.flatMap((transfer) => transfer.entries);
  return {
    ids: pgPlainArray(transfers.map((t) => t.id)),
    kinds: pgPlainArray(transfers.map((t) => t.kind)),
    keys: pgArray(transfers.map((t) => t.idempotencyKey)),
    hashes: pgPlainArray(planned.map((item) => item.contentHash)),
    references: JSON.stringify(transfers.map((t) => t.reference)),
    entryTransfers: pgPlainArray(transfers.flatMap((t) => t.entries.map(() => t.id))),
    entryAccounts: pgPlainArray(entries.map((entry) => entry.accountId)),
    entryAmounts: pgPlainArray(entries.map((entry) => entry.amountMinor)),
  };
}

/** @returns how many transfers were inserted. */
async function insertPlanned(tx: Tx, columns: Columns): Promise<number> {
  const [row] = await executePrepared<{ posted: string }>(
    tx,
    sql`
    with new_transfers as (
      insert into ledger_transfers (id, kind, idempotency_key, content_hash, reference)
      select t.id, t.kind, t.key, decode(t.hash, 'hex'), t.reference
      from rows from (
        unnest(
          ${columns.ids}::uuid[],
          ${columns.kinds}::text[],
          ${columns.keys}::text[],
          ${columns.hashes}::text[]
        ),
        jsonb_array_elements(${columns.references}::text::jsonb)
      ) as t (id, kind, key, hash, reference)
      on conflict (idempotency_key) do nothing
      returning id
    ), wanted as (
      select e.transfer_id, e.account_id, e.amount_minor, e.position
      from unnest(
        ${columns.entryTransfers}::uuid[],
        ${columns.entryAccounts}::uuid[],
        ${columns.entryAmounts}::bigint[]
      ) with ordinality as e (transfer_id, account_id, amount_minor, position)
      where e.transfer_id in (select id from new_transfers)
    ), new_entries as (
      insert into ledger_entries (transfer_id, account_id, currency, amount_minor)
      select w.transfer_id, w.account_id, a.currency, w.amount_minor
      from wanted w join ledger_accounts a on a.id = w.account_id
      order by w.position
    ), moved as (
      update ledger_accounts a set balance_minor = a.balance_minor + d.delta
      from (select account_id, sum(amount_minor)::bigint as delta from wanted group by account_id) d
      where a.id = d.account_id
    )
    select count(*) as posted from new_transfers`,
  );
  return Number(row?.posted ?? 0);
}
