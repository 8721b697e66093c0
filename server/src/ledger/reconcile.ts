/**
 * Proves the ledger from its entries.
 *
 * Owns: the questions an auditor asks first. Never: repairs anything.
 */
import { sql } from 'drizzle-orm';
import type { Db } from '../db/client.ts';
import { type RefundReconciliation, reconcileRefunds } from './reconcile-refunds.ts';

export interface Reconciliation {
  /** True when every check below found nothing. */
  readonly sound: boolean;
  readonly transferCount: bigint;
  readonly entryCount: bigint;
  /** Sum of all entries by currency, minor units; anything but zero is an alarm. */
  readonly sums: readonly { readonly currency: string; readonly sumMinor: bigint }[];
  /** Accounts whose kept balance is not the sum of their entries. */
  readonly wrongBalances: readonly {
    readonly accountId: string;
    readonly keptMinor: bigint;
    readonly summedMinor: bigint;
  }[];
  /** Transfers whose own entries do not sum to zero, or that have none. */
  readonly unbalancedTransfers: readonly string[];
  /** Entries whose transfer or account is missing. */
  readonly orphanEntryCount: bigint;
  readonly refunds: RefundReconciliation;
}

/** Reads one consistent snapshot; safe while payments run. */
export function reconcile(db: Db): Promise<Reconciliation> {
  return db.transaction(
    async (tx) => {
      // Of a ledger of years it takes longer than any request may.
      await tx.execute(sql`set local statement_timeout = 0`);
      const [counts] = await tx.execute<{ transfers: string; entries: string; orphans: string }>(sql`
        select (select count(*) from ledger_transfers) as transfers,
               (select count(*) from ledger_entries) as entries,
               (select count(*) from ledger_entries e
                 where not exists (select 1 from ledger_transfers t where t.id = e.transfer_id)
                    or not exists (select 1 from ledger_accounts a where a.id = e.account_id and a.currency = e.currency)
               ) as orphans`);
      const sums = await tx.execute<{ currency: string; total: string }>(sql`
        select currency, sum(amount_minor) as total from ledger_entries group by currency order by currency`);
      const wrong = await tx.execute<{ id: string; kept: string; summed: string }>(sql`
        select a.id, a.balance_minor as kept, coalesce(s.total, 0) as summed
        from ledger_accounts a
        left join (select account_id, sum(amount_minor) as total from ledger_entries group by account_id) s on s.account_id = a.id
        where a.balance_minor <> coalesce(s.total, 0) order by a.id`);
      const unbalanced = await tx.execute<{ id: string }>(sql`
        select t.id from ledger_transfers t
        left join (
          select transfer_id, currency, sum(amount_minor) as total, count(*) as n
          from ledger_entries group by transfer_id, currency
        ) s on s.transfer_id = t.id
        group by t.id having coalesce(sum(s.n), 0) < 2 or bool_or(s.total <> 0)`);
      const refunds = await reconcileRefunds(tx);
      const ledger = summarise(counts, sums, wrong, unbalanced);
      return { ...ledger, refunds, sound: ledger.sound && refunds.faults.length === 0 };
    },
    { isolationLevel: 'repeatable read', accessMode: 'read only' },
  );
}

function summarise(
  counts: { transfers: string; entries: string; orphans: string } | undefined,
  sumRows: readonly { currency: string; total: string }[],
  wrongRows: readonly { id: string; kept: string; summed: string }[],
  unbalancedRows: readonly { id: string }[],
): Omit<Reconciliation, 'refunds'> {
  const sums = sumRows.map((row) => ({ currency: row.currency, sumMinor: BigInt(row.total) }));
  const wrongBalances = wrongRows.map((row) => ({
    accountId: row.id,
    keptMinor: BigInt(row.kept),
    summedMinor: BigInt(row.summed),
  }));
  const unbalancedTransfers = unbalancedRows.map((row) => row.id);
  const orphanEntryCount = BigInt(counts?.orphans ?? 0);
  const sound =
    sums.every((item) => item.sumMinor === 0n) &&
    wrongBalances.length === 0 &&
    unbalancedTransfers.length === 0 &&
    orphanEntryCount === 0n;
  const transferCount = BigInt(counts?.transfers ?? 0);
  return {
    sound,
    transferCount,
    entryCount: BigInt(counts?.entries ?? 0),
    sums,
    wrongBalances,
    unbalancedTransfers,
    orphanEntryCount,
  };
}
