/**
 * A person's history, read from the entries of every account that the person holds.
 *
 * Owns: which entries are worth a line, which are worth many, and the cursor. Never: writes.
 */
import { type SQL, sql } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';
import { executePrepared } from '../db/prepared.ts';
import type { TransferKind, TransferReference } from '../db/schema/ledger.ts';
import { type LineColumns, lineReference, merchantLines, payerLines } from './shared-lines.ts';
import { PAYMENT_OF_KEY, withPayment } from './statements.ts';

/** A line is told by its entry, and by its place in it where the entry has many; newest first is by both. */
export interface HistoryPlace {
  readonly entryId: bigint;
  /** Null for an entry that is one line. */
  readonly place: number | null;
}

export interface HistoryEntry extends HistoryPlace {
  readonly transferId: string;
  readonly kind: TransferKind;
  readonly accountKind: 'user_online' | 'allowance_reserve' | 'merchant_available';
  /** Signed minor units, as it changed that pocket. */
  readonly amountMinor: bigint;
  readonly currency: string;
  readonly reference: TransferReference;
  readonly createdAt: Date;
}

export interface HistoryPage {
  readonly entries: readonly HistoryEntry[];
  /** Pass as `before` for the next page; null at the end. */
  readonly nextBefore: HistoryPlace | null;
}

export interface HistoryQuery {
  readonly holderId: string;
  readonly limit: number;
  /** Only lines older than this one. */
  readonly before?: HistoryPlace;
}

interface Row extends Record<string, unknown>, LineColumns {
  entry_id: string;
  transfer_id: string;
  kind: TransferKind;
  account_kind: HistoryEntry['accountKind'];
  amount_minor: string;
  currency: string;
  reference: TransferReference;
  payment_of_key: string | null;
  created_at: string;
}

/** Above every id. */
const NO_ENTRY_YET = 2n ** 63n - 1n;

/**
 * Newest first. Loading and returning an allowance touch two pockets of one person and are shown once, by the
 * online one; the reserve shows what was paid offline.
 */
export async function readHistory(tx: Tx, query: HistoryQuery): Promise<HistoryPage> {
  const { entryId = NO_ENTRY_YET, place = null } = query.before ?? {};
  const before = sql`${entryId.toString()}::bigint`;
  // Of the entry itself that is left behind, what is older than its place; nothing of one that was a line.
  const beforePlace = sql`${place ?? 0}::int`;
  const isWanted = (line: SQL) =>
    sql`${line} < case when e.id < ${before} then 2147483647 else ${beforePlace} end`;
  const most = sql`${query.limit + 1}::int`;
  // One index walk per account of the person, each stopped at the page's size (and one entry more, of which nothing may be left),
  // merged afterwards; then the lines of each, stopped as well. Kept prepared: under row-level security to plan it takes longer than to run it.
  const rows = await executePrepared<Row>(
    tx,
    sql`
    select e.id as entry_id, e.transfer_id, e.kind, e.account_kind, coalesce(l.amount_minor, e.amount_minor) as amount_minor,
      e.currency, e.reference, e.created_at, e.payment_of_key, l.place, l.payment_hash, l.payer
    from (
      select e.id, e.transfer_id, t.kind, a.kind as account_kind, a.owner_id, e.amount_minor, e.currency, t.reference, t.created_at,
        ${PAYMENT_OF_KEY} as payment_of_key
      from ledger_accounts a
      cross join lateral (
        select e.id, e.transfer_id, e.amount_minor, e.currency from ledger_entries e
        where e.account_id = a.id and e.id < ${before} + case when ${beforePlace} > 0 then 1 else 0 end
          and (a.kind <> 'allowance_reserve' or exists (
            select 1 from ledger_transfers p where p.id = e.transfer_id and p.kind in ('offline_payment', 'offline_payments')))
        order by e.id desc limit ${most} + 1
      ) e
      join ledger_transfers t on t.id = e.transfer_id
      where a.holder_id = ${query.holderId}
      order by e.id desc limit ${most} + 1
    ) e
    left join lateral (
      (select * from (${merchantLines(sql`e.reference`)}) s
        where e.kind = 'offline_payments' and e.account_kind = 'merchant_available' and ${isWanted(sql`s.place`)}
        order by s.place desc limit ${most})
      union all
      (select * from (${payerLines(sql`e.transfer_id`, sql`e.owner_id`)}) p
        where e.kind = 'offline_payments' and e.account_kind = 'allowance_reserve' and ${isWanted(sql`p.place`)}
        order by p.place desc limit ${most})
    ) l on true
    where e.id < ${before} or l.place is not null
    order by e.id desc, l.place desc limit ${most}`,
  );
  const entries = rows.slice(0, query.limit).map(toEntry);
  const more = rows.length > query.limit;
  return { entries, nextBefore: more ? (entries.at(-1) ?? null) : null };
}

function toEntry(row: Row): HistoryEntry {
  return {
    entryId: BigInt(row.entry_id),
    place: row.place,
    transferId: row.transfer_id,
    kind: row.kind,
    accountKind: row.account_kind,
    amountMinor: BigInt(row.amount_minor),
    currency: row.currency,
    reference:
      row.place === null ? withPayment(row.reference, row.payment_of_key) : lineReference(row.reference, row),
    createdAt: new Date(row.created_at),
  };
}
