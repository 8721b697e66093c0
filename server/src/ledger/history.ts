/**
 * A person's history, read from the entries of every account that the person holds.
 *
 * Owns: which entries are worth a line, and the cursor. Never: writes.
 */
import { sql } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';
import { executePrepared } from '../db/prepared.ts';
import type { TransferKind, TransferReference } from '../db/schema/ledger.ts';
import { PAYMENT_OF_KEY, withPayment } from './statements.ts';

export interface HistoryEntry {
  /** Id of the entry: also the cursor. */
  readonly entryId: bigint;
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
  readonly nextBefore: bigint | null;
}

export interface HistoryQuery {
  readonly holderId: string;
  readonly limit: number;
  /** Only entries older than this entry id. */
  readonly before?: bigint;
}

interface Row extends Record<string, unknown> {
  entry_id: string;
  transfer_id: string;
  kind: TransferKind;
  account_kind: HistoryEntry['accountKind'];
  amount_minor: string;
  currency: string;
  reference: TransferReference;
  payment_hash: string | null;
  created_at: string;
}

/** Above every id. */
const NO_ENTRY_YET = 2n ** 63n - 1n;

/**
 * Newest first. Loading and returning an allowance touch two pockets of one person and are shown once, by the
 * online one; the reserve shows what was paid offline.
 */
export async function readHistory(tx: Tx, query: HistoryQuery): Promise<HistoryPage> {
  const before = (query.before ?? NO_ENTRY_YET).toString();
  // One index walk per account of the person, each stopped at the page's size, merged afterwards. Kept prepared: under row-level
  // security to plan it takes longer than to run it.
  const rows = await executePrepared<Row>(
    tx,
    sql`
    select e.id as entry_id, e.transfer_id, t.kind, a.kind as account_kind, e.amount_minor, e.currency, t.reference, t.created_at,
      ${PAYMENT_OF_KEY} as payment_hash
    from ledger_accounts a
    cross join lateral (
      select e.id, e.transfer_id, e.amount_minor, e.currency from ledger_entries e
      where e.account_id = a.id and e.id < ${before}::bigint
        and (a.kind <> 'allowance_reserve'
             or exists (select 1 from ledger_transfers p where p.id = e.transfer_id and p.kind = 'offline_payment'))
      order by e.id desc limit ${query.limit + 1}
    ) e
    join ledger_transfers t on t.id = e.transfer_id
    where a.holder_id = ${query.holderId}
    order by e.id desc limit ${query.limit + 1}`,
  );
  const entries = rows.slice(0, query.limit).map(toEntry);
  const more = rows.length > query.limit;
  return { entries, nextBefore: more ? (entries.at(-1)?.entryId ?? null) : null };
}

function toEntry(row: Row): HistoryEntry {
  return {
    entryId: BigInt(row.entry_id),
    transferId: row.transfer_id,
    kind: row.kind,
    accountKind: row.account_kind,
    amountMinor: BigInt(row.amount_minor),
    currency: row.currency,
    reference: withPayment(row.reference, row.payment_hash),
    createdAt: new Date(row.created_at),
  };
}
