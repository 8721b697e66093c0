/**
 * Transfers between two accounts each, posted as a part of somebody's statement, for callers who have locked the accounts, in the
 * order that everybody keeps, and planned against the balances that they then read.
 *
 * Unlike `post-transfers.ts` it looks up no key beforehand: one that stands fails the statement, and the caller goes another way.
 */
import type { PendingQuery, Row, Sql } from 'postgres';
import { pgArray, pgPlainArray } from '../db/pg-array.ts';
import { publish } from '../observe/facts.ts';
import type { Plan } from './plan.ts';

/**
 * A condition: all accounts are locked, in the order that everybody keeps, and each holds all that is taken from it, whatever comes
 * in meanwhile.
 * @param after a condition that is asked before any of them is locked
 */
export function lockCovered(sql: Sql, toPost: Plan['toPost'], after: PendingQuery<Row[]>) {
  const debits = new Map<string, bigint>();
  for (const { transfer } of toPost)
    for (const { accountId, amountMinor } of transfer.entries)
      debits.set(accountId, (debits.get(accountId) ?? 0n) + (amountMinor < 0n ? amountMinor : 0n));
  const ids = pgPlainArray([...debits.keys()]);
  return sql`(
    with held as (
      select id, balance_minor from ledger_accounts where id = any (${ids}::uuid[]) and ${after}
      order by id for no key update
    )
    select count(*) from held h
    join unnest(${ids}::uuid[], ${pgPlainArray([...debits.values()])}::bigint[]) as d (id, debit) on d.id = h.id
    where h.balance_minor + d.debit >= 0
  ) = ${debits.size}::int`;
}

/** Common table expressions `new_transfers`, `new_entries` and `moved`. `toPost` is of one kind and one currency. */
export function postPairs(sql: Sql, toPost: Plan['toPost'], currency: string) {
  const transfers = toPost.map(({ transfer }) => transfer);
  const entries = transfers.flatMap(({ id, entries: both }) => both.map((entry) => ({ id, ...entry })));
  const deltas = new Map<string, bigint>();
  for (const { accountId, amountMinor } of entries)
    deltas.set(accountId, (deltas.get(accountId) ?? 0n) + amountMinor);
  return sql`
    new_transfers as (
      insert into ledger_transfers (id, kind, idempotency_key, content_hash, reference)
      select t.id, t.kind, t.key, decode(t.hash, 'hex'), t.reference::jsonb
      from unnest(
        ${pgPlainArray(transfers.map((t) => t.id))}::uuid[],
        ${pgPlainArray(transfers.map((t) => t.kind))}::text[],
        ${pgArray(transfers.map((t) => t.idempotencyKey))}::text[],
        ${pgPlainArray(toPost.map(({ contentHash }) => contentHash))}::text[],
        ${pgArray(transfers.map((t) => JSON.stringify(t.reference)))}::text[]
      ) as t (id, kind, key, hash, reference)
    ), new_entries as (
      insert into ledger_entries (transfer_id, account_id, currency, amount_minor)
      select e.id, e.account_id, ${currency}, e.amount_minor
      from unnest(
        ${pgPlainArray(entries.map(({ id }) => id))}::uuid[],
        ${pgPlainArray(entries.map(({ accountId }) => accountId))}::uuid[],
        ${pgPlainArray(entries.map(({ amountMinor }) => amountMinor))}::bigint[]
      ) as e (id, account_id, amount_minor)
    ), moved as (
      update ledger_accounts a set balance_minor = a.balance_minor + d.delta
      from unnest(
        ${pgPlainArray([...deltas.keys()])}::uuid[],
        ${pgPlainArray([...deltas.values()])}::bigint[]
      ) as d (account_id, delta)
      where a.id = d.account_id
    )`;
}

/** After the commit. */
export function tellPosted(kind: string, count: number): void {
  if (count > 0) publish('posted', { kind, count });
}
