/**
 * Compares what kiosks signed with what was stored and posted: each batch's head is a kiosk's own word on how its journal
 * stood, how many sales it held and what they came to. Reads only.
 */
import { sql } from 'drizzle-orm';
import { readSettlementBatch, toHex } from '@tikiwallet/protocol';
import type { Db, Executor } from '../db/client.ts';
import { findRefusedThoughIssued, type RefusedThoughIssued } from './refused-though-issued.ts';

export type JournalFault =
  | 'its journal has a gap, or does not end where it was settled'
  | 'the head that it signed is not the entry that is stored'
  | 'it signed another number of sales than are stored'
  | 'it signed another sum of sales than is stored'
  | 'a sale of its journal was never decided'
  | 'a sale was decided that its journal does not hold'
  | 'what was credited for its payments is not what was decided'
  | 'its rows name a machine, a kiosk or an allowance that is not there';

export interface JournalReconciliation {
  readonly batchCount: number;
  readonly entryCount: bigint;
  readonly faults: readonly { readonly enrolmentId: string; readonly fault: JournalFault }[];
  readonly refusedThoughIssued: readonly RefusedThoughIssued[];
  /** Nothing of both was found. */
  readonly sound: boolean;
}

interface BatchRow extends Record<string, unknown> {
  enrolment: string;
  head: Uint8Array;
  stored: Uint8Array | null;
  sales: string;
  sum: string;
}

/** Batches looked at in one round trip. */
const PAGE = 500;

/** One snapshot; safe while kiosks settle. */
export function reconcileJournals(db: Db): Promise<JournalReconciliation> {
  return db.transaction(
    async (tx) => {
      // Of journals of years it takes longer than any request may.
      await tx.execute(sql`set local statement_timeout = 0`);
      return await compareJournals(tx);
    },
    { isolationLevel: 'repeatable read', accessMode: 'read only' },
  );
}

export async function compareJournals(tx: Executor): Promise<JournalReconciliation> {
  const [count] = await tx.execute<{ n: string }>(sql`
    select (select count(*) from kiosk_journal) + (select coalesce(sum(to_sequence - from_sequence + 1), 0) from journal_pieces) as n`);
  const found = [...(await structuralFaults(tx))];
  let batchCount = 0;
  for (let offset = 0; ; offset += PAGE) {
    const batches = await readBatches(tx, offset);
    batchCount += batches.length;
    for (const batch of batches) {
      for (const fault of faultsOf(batch)) found.push({ enrolmentId: batch.enrolment, fault });
    }
    if (batches.length < PAGE) break;
  }
  const refusedThoughIssued = await findRefusedThoughIssued(tx);
  const sound = found.length === 0 && refusedThoughIssued.length === 0;
  return { batchCount, entryCount: BigInt(count?.n ?? 0), faults: found, refusedThoughIssued, sound };
}

function readBatches(executor: Executor, offset: number): Promise<readonly BatchRow[]> {
  return executor.execute<BatchRow>(sql`
    select b.enrolment_id as enrolment, b.head, j.hash as stored,
      coalesce(s.n, 0) as sales, coalesce(s.total, 0) as sum
    from (select * from settlement_batches order by enrolment_id, batch_hash limit ${PAGE} offset ${offset}) b
    left join lateral journal_between(b.enrolment_id, b.to_sequence, b.to_sequence) j on true
    cross join lateral (
      select count(*) as n, sum(amount_minor) as total from sales s
      where s.enrolment_id = b.enrolment_id and s.sequence between b.from_sequence and b.to_sequence
    ) s`);
}

function faultsOf({ head, stored, sales, sum }: BatchRow): JournalFault[] {
  const { batch } = readSettlementBatch(new Uint8Array(head));
  const faults: JournalFault[] = [];
  if (stored === null || toHex(new Uint8Array(stored)) !== toHex(batch.headHash))
    faults.push('the head that it signed is not the entry that is stored');
  if (BigInt(sales) !== BigInt(batch.saleCount))
    faults.push('it signed another number of sales than are stored');
  if (BigInt(sum) !== batch.saleSumMinor) faults.push('it signed another sum of sales than is stored');
  return faults;
}

/**
 * What needs no signature: gaps, sales without a decision, decisions without a sale, credits without either, and rows that
 * point at nothing (0026_references_in_sets.sql has no foreign keys for them). A payment has a transfer of its own, or shares one whose
 * entries are, account by account, what its payments come to; never both.
 */
function structuralFaults(
  executor: Executor,
): Promise<readonly { enrolmentId: string; fault: JournalFault }[]> {
  return executor.execute<{ enrolmentId: string; fault: JournalFault }>(sql`
    with journals as (
      select enrolment_id, sum(n) as n, max(last) as last from (
        select enrolment_id, count(*) as n, max(sequence) as last from kiosk_journal group by enrolment_id
        union all
        select enrolment_id, sum(to_sequence - from_sequence + 1), max(to_sequence) from journal_pieces group by enrolment_id
      ) both_tables group by enrolment_id
    ), journalled as (
      select enrolment_id, sequence from kiosk_journal where kind = 1
      union all
      select p.enrolment_id, s.sequence from journal_pieces p
      cross join lateral generate_series(p.from_sequence, p.to_sequence) as s (sequence)
      where get_byte(p.kinds, s.sequence - p.from_sequence) = 1
    ), own as (
      select p.enrolment_id from payments p
      left join ledger_transfers t on t.idempotency_key = 'offline_payment:' || encode(p.payment_hash, 'hex')
      left join ledger_entries e on e.transfer_id = t.id and e.amount_minor > 0
      where coalesce(e.amount_minor, 0) <> case when p.transfer_id is null then p.from_reserve_minor + p.from_guarantee_minor else 0 end
    ), decided as (
      select transfer_id, account_id, sum(minor) as minor from (
        select p.transfer_id, a.reserve_account_id as account_id, -p.from_reserve_minor as minor
        from payments p join allowances a on a.id = p.allowance_id where p.transfer_id is not null
        union all
        select p.transfer_id, f.id, -p.from_guarantee_minor
        from payments p join allowances a on a.id = p.allowance_id
        join ledger_accounts f on f.kind = 'guarantee_fund' and f.currency = a.currency where p.transfer_id is not null
        union all
        select p.transfer_id, k.merchant_account_id, p.amount_minor
        from payments p join kiosk_enrolments k on k.id = p.enrolment_id where p.transfer_id is not null
      ) legs group by transfer_id, account_id having sum(minor) <> 0
    ), posted as (
      select t.id as transfer_id, e.account_id, e.amount_minor
      from ledger_transfers t left join ledger_entries e on e.transfer_id = t.id where t.kind = 'offline_payments'
    ), shared as (
      select coalesce(d.transfer_id, p.transfer_id) as transfer_id
      from decided d full join posted p on p.transfer_id = d.transfer_id and p.account_id = d.account_id
      where d.minor is distinct from p.amount_minor or d.transfer_id is null
    )
    select e.id as "enrolmentId", 'its journal has a gap, or does not end where it was settled' as fault
    from kiosk_enrolments e left join journals j on j.enrolment_id = e.id
    left join lateral journal_between(e.id, e.settled_sequence, e.settled_sequence) h on true
    where coalesce(j.n, 0) <> e.settled_sequence or coalesce(j.last, 0) <> e.settled_sequence
      or (e.settled_sequence > 0 and h.hash is distinct from e.settled_hash)
    union all
    select distinct j.enrolment_id, 'a sale of its journal was never decided' from journalled j
    where not exists (
      select 1 from sales s where s.enrolment_id = j.enrolment_id and s.sequence = j.sequence)
    union all
    select distinct s.enrolment_id, 'a sale was decided that its journal does not hold' from sales s
    where not exists (select 1 from journalled j where j.enrolment_id = s.enrolment_id and j.sequence = s.sequence)
    union all
    (select enrolment_id, 'what was credited for its payments is not what was decided' from own
    union
    select coalesce(p.enrolment_id, (t.reference->>'machineId')::uuid), 'what was credited for its payments is not what was decided'
    from shared s left join payments p on p.transfer_id = s.transfer_id left join ledger_transfers t on t.id = s.transfer_id)
    union all
    select distinct r.enrolment_id, 'its rows name a machine, a kiosk or an allowance that is not there' from (
      select enrolment_id, null::uuid as allowance_id, null::uuid as kiosk_id from kiosk_journal
      union all select enrolment_id, null, null from journal_pieces
      union all select enrolment_id, allowance_id, null from payments
      union all select enrolment_id, null, kiosk_id from sales
    ) r
    where not exists (select 1 from kiosk_enrolments e where e.id = r.enrolment_id)
      or (r.allowance_id is not null and not exists (select 1 from allowances a where a.id = r.allowance_id))
      or (r.kiosk_id is not null and not exists (select 1 from kiosks k where k.id = r.kiosk_id))
    order by 1, 2`);
}

/** Sentences, one a line. */
export function describeJournals(found: JournalReconciliation): string[] {
  const { batchCount, entryCount, faults, refusedThoughIssued, sound } = found;
  const looked = `${batchCount} signed batches with ${entryCount} journal entries`;
  if (sound) return [`${looked} agree with what was posted.`];
  return [
    looked,
    ...faults.map(({ enrolmentId, fault }) => `kiosk's machine ${enrolmentId}: ${fault}  <- DIFFER`),
    ...refusedThoughIssued.map(
      ({ enrolmentId, sequence, paymentKey, allowanceId }) =>
        `kiosk's machine ${enrolmentId}: sale ${sequence} (payment ${paymentKey ?? 'unreadable'}) was refused ` +
        `though its allowance ${allowanceId} is ours  <- DIFFER`,
    ),
  ];
}
