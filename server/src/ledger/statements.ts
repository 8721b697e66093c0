/**
 * The statements that posting is made of: what stands, what accounts hold, what is written.
 *
 * Owns: their words, each with a parameter a column. Never: decides in which order they run.
 */
import { sql } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';
import { pgArray, pgPlainArray, sharedValue } from '../db/pg-array.ts';
import { executePrepared } from '../db/prepared.ts';
import { RetryTransaction, violatedConstraint } from '../db/retry.ts';
import { type AccountKind, GUARDED_KINDS, type TransferReference } from '../db/schema/ledger.ts';
import type { HashedTransfer, LockedAccount, StandingTransfer, Sums } from './plan.ts';

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
 * Moves balances, locking their accounts in the order of their ids as {@link lockAccounts} does: every plan there is for it without
 * reading the whole table goes by ids.
 * @returns whether all accounts are there, and every guarded balance held all that was taken from it. If not, what was moved has to go.
 */
export async function moveIfCovered(tx: Tx, { deltas, debits }: Sums): Promise<boolean> {
  const ids = [...deltas.keys()].sort();
  const [row] = await executePrepared<{ short: string; held: string }>(
    tx,
    sql`
    with moved as (
      update ledger_accounts a set balance_minor = a.balance_minor + d.delta
      from unnest(
        ${pgPlainArray(ids)}::uuid[],
        ${pgPlainArray(ids.map((id) => deltas.get(id) ?? 0n))}::bigint[],
        ${pgPlainArray(ids.map((id) => debits.get(id) ?? 0n))}::bigint[]
      ) as d (id, delta, debit)
      where a.id = d.id
      returning a.kind in (${GUARDED}) and a.balance_minor - d.delta + d.debit < 0 as short
    )
    select count(*) as held, count(*) filter (where short) as short from moved`,
  ).catch((error: unknown) => {
    if (violatedConstraint(error) === 'ledger_accounts_not_overdrawn') return [];
    throw error;
  });
  return row?.short === '0' && row.held === String(ids.length);
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
  /** Of each entry its transfer's place in `ids`. */
  readonly entryTransfers: string;
  readonly entryAccounts: string;
  readonly entryCurrencies: string;
  readonly entryAmounts: string;
}

/**
 * Transfers in the order of their keys, which is the order in which they are locked; entries in that of the batch.
 * @param currencyOf an account's
 */
export function columnsOf(
  planned: readonly HashedTransfer[],
  currencyOf: (accountId: string) => string,
): Columns {
  const byKey = planned.toSorted((a, b) => (a.transfer.idempotencyKey < b.transfer.idempotencyKey ? -1 : 1));
  const transfers = byKey.map((item) => item.transfer);
  const places = new Map(transfers.map((transfer, index) => [transfer, index + 1]));
  const entries = planned.flatMap(({ transfer }) => transfer.entries);
  return {
    ids: pgPlainArray(transfers.map((t) => t.id)),
    kinds: pgPlainArray(sharedValue(transfers.map((t) => t.kind))),
    keys: pgArray(transfers.map((t) => t.idempotencyKey)),
    hashes: pgArray(sharedValue(byKey.map((item) => item.contentHash))),
    references: JSON.stringify(transfers.map((t) => t.reference)),
    entryTransfers: pgPlainArray(
      planned.flatMap(({ transfer }) => transfer.entries.map(() => places.get(transfer) ?? 0)),
    ),
    entryAccounts: pgPlainArray(entries.map((entry) => entry.accountId)),
    entryCurrencies: pgPlainArray(sharedValue(entries.map((entry) => currencyOf(entry.accountId)))),
    entryAmounts: pgPlainArray(entries.map((entry) => entry.amountMinor)),
  };
}

/** Balances of accounts that are locked already. */
const moved = (deltas: Sums['deltas']) => sql`moved as (
      update ledger_accounts a set balance_minor = a.balance_minor + d.delta
      from unnest(${pgPlainArray([...deltas.keys()])}::uuid[], ${pgPlainArray([...deltas.values()])}::bigint[]) as d (id, delta)
      where a.id = d.id
    ), `;

/** What refuses a key that stands already: by itself, or by the id of the same transfer, posted by another connection. */
const TAKEN: ReadonlySet<string> = new Set(['ledger_transfers_idempotency_key', 'ledger_transfers_pkey']);

/**
 * Transfers with their entries, and with `deltas` the balances too. The transfers are written before the entries (what counts them
 * sees to it), so that two callers with the same keys wait for each other at the first of them. That transfers and accounts are there, in their currency, is what
 * the database asks at the statement's end.
 * @throws RetryTransaction when a key was taken meanwhile
 */
export async function insertTransfers(
  tx: Tx,
  columns: Columns,
  deltas: Sums['deltas'] | null,
): Promise<void> {
  await executePrepared(
    tx,
    sql`
    with given as (select ${columns.ids}::uuid[] as ids), ${deltas === null ? sql`` : moved(deltas)}new_transfers as (
      insert into ledger_transfers (id, kind, idempotency_key, content_hash, reference)
      select t.id, coalesce(t.kind, (${columns.kinds}::text[])[1]), t.key,
        decode(coalesce(t.hash, (${columns.hashes}::text[])[1]), 'hex'), t.reference
      from rows from (
        unnest((select ids from given), ${columns.kinds}::text[], ${columns.keys}::text[], ${columns.hashes}::text[]),
        jsonb_array_elements(${columns.references}::text::jsonb)
      ) as t (id, kind, key, hash, reference)
      returning 1
    )
    insert into ledger_entries (transfer_id, account_id, currency, amount_minor)
    select ((select ids from given))[e.place], e.account_id, coalesce(e.currency, (${columns.entryCurrencies}::text[])[1]), e.amount_minor
    from unnest(
      ${columns.entryTransfers}::int[], ${columns.entryAccounts}::uuid[], ${columns.entryCurrencies}::text[],
      ${columns.entryAmounts}::bigint[]
    ) as e (place, account_id, currency, amount_minor)
    where (select count(*) from new_transfers) > 0`,
  ).catch((error: unknown) => {
    if (TAKEN.has(violatedConstraint(error) ?? ''))
      throw new RetryTransaction('an idempotency key was taken meanwhile', { cause: error });
    throw error;
  });
}

/**
 * The payment that a transfer `t` stands for, in hex, where its key holds it; null for every other one, and what releases before
 * wrote names it in its reference as well.
 */
export const PAYMENT_OF_KEY = sql.raw(
  `case when t.kind = 'offline_payment' then split_part(t.idempotency_key, ':', 2) end`,
);

/** A reference as its readers know it, whichever release wrote it. */
export function withPayment(reference: TransferReference, paymentHash: string | null): TransferReference {
  return paymentHash === null ? reference : { ...reference, paymentHash };
}
