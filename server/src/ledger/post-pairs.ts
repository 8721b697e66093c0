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
  return sql`(
    with given as (select ${pgPlainArray([...debits.keys()])}::uuid[] as ids), held as (
      select id, balance_minor from ledger_accounts where id = any ((select ids from given)::uuid[]) and ${after}
      order by id for no key update
    )
    select count(*) from held h
    join unnest((select ids from given), ${pgPlainArray([...debits.values()])}::bigint[]) as d (id, debit) on d.id = h.id
    where h.balance_minor + d.debit >= 0
  ) = ${debits.size}::int`;
}

/**
 * Common table expressions `pairs`, `new_transfers`, `new_entries` and `moved`. `toPost` is of one kind and one currency; what the
 * second entry of a transfer credits, its first one debits.
 */
export function postPairs(sql: Sql, toPost: Plan['toPost'], currency: string) {
  const transfers = toPost.map(({ transfer }) => transfer);
  const deltas = new Map<string, bigint>();
  for (const { entries } of transfers)
    for (const { accountId, amountMinor } of entries)
      deltas.set(accountId, (deltas.get(accountId) ?? 0n) + amountMinor);
  return sql`
    pairs as materialized (
      select * from rows from (
        unnest(
          ${pgPlainArray(transfers.map(({ id }) => id))}::uuid[],
          ${pgArray(transfers.map(({ idempotencyKey }) => idempotencyKey))}::text[],
          ${pgPlainArray(toPost.map(({ contentHash }) => contentHash))}::text[],
          ${pgPlainArray(transfers.map(({ entries: [first] }) => first?.accountId ?? null))}::uuid[],
          ${pgPlainArray(transfers.map(({ entries: [, second] }) => second?.accountId ?? null))}::uuid[],
          ${pgPlainArray(transfers.map(({ entries: [, second] }) => second?.amountMinor ?? null))}::bigint[]
        ),
        jsonb_array_elements(${JSON.stringify(transfers.map(({ reference }) => reference))}::text::jsonb)
      ) as t (id, key, hash, payer, payee, amount, reference)
    ), new_transfers as (
      insert into ledger_transfers (id, kind, idempotency_key, content_hash, reference)
      select id, ${transfers[0]?.kind ?? ''}, key, decode(hash, 'hex'), reference from pairs
    ), new_entries as (
      insert into ledger_entries (transfer_id, account_id, currency, amount_minor)
      select p.id, e.account_id, ${currency}, e.amount_minor
      from pairs p cross join lateral (values (p.payer, -p.amount), (p.payee, p.amount)) as e (account_id, amount_minor)
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
