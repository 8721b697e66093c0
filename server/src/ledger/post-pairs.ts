/**
 * Transfers between two accounts each, posted as a part of somebody's statement, for callers who have locked the accounts, in the
 * order that everybody keeps: either with a look at their balances, against which they planned, or by moving them.
 *
 * Unlike `post-transfers.ts` it looks up no key beforehand: one that stands fails the statement, and the caller goes another way.
 */
import { pgArray, pgPlainArray } from '../db/pg-array.ts';
import { sql, type Words } from '../db/words.ts';
import { publish } from '../observe/facts.ts';
import { type Plan, sumsOf } from './plan.ts';

/**
 * Common table expression `moved` and a condition on it. Balances are moved as their accounts are locked: a statement that locked
 * them first would go to each of them twice, and write it down twice. In the order that everybody keeps, for every plan there is
 * without reading the whole table goes by ids.
 * @param after a condition that is asked before any of them is locked
 * @returns `covered`: all accounts are there, and each held all that is taken from it, whatever comes in meanwhile. If not, what was moved has to go.
 */
export function moveCovered(toPost: Plan['toPost'], after: Words) {
  const { deltas, debits } = sumsOf(toPost);
  const ids = [...deltas.keys()].sort();
  return {
    moved: sql`
    moved as (
      update ledger_accounts a set balance_minor = a.balance_minor + d.delta
      from unnest(
        ${pgPlainArray(ids)}::uuid[],
        ${pgPlainArray(ids.map((id) => deltas.get(id) ?? 0n))}::bigint[],
        ${pgPlainArray(ids.map((id) => debits.get(id) ?? 0n))}::bigint[]
      ) as d (id, delta, debit)
      where a.id = d.id and ${after}
      returning a.balance_minor - d.delta + d.debit >= 0 as covered
    )`,
    covered: sql`(select count(*) from moved where covered) = ${ids.length}::int`,
  };
}

/** Common table expression `moved`, of accounts that are locked already. */
export function movePairs(toPost: Plan['toPost']) {
  const { deltas } = sumsOf(toPost);
  return sql`
    moved as (
      update ledger_accounts a set balance_minor = a.balance_minor + d.delta
      from unnest(
        ${pgPlainArray([...deltas.keys()])}::uuid[],
        ${pgPlainArray([...deltas.values()])}::bigint[]
      ) as d (account_id, delta)
      where a.id = d.account_id
    )`;
}

/**
 * Common table expressions `pairs`, `new_transfers` and `new_entries`; balances are moved by one of the above. `toPost` is of one
 * kind and one currency; what the second entry of a transfer credits, its first one debits.
 */
export function postPairs(toPost: Plan['toPost'], currency: string) {
  const transfers = toPost.map(({ transfer }) => transfer);
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
    )`;
}

/** After the commit. */
export function tellPosted(kind: string, count: number): void {
  if (count > 0) publish('posted', { kind, count });
}
